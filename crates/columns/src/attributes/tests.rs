use proptest::prelude::*;

use super::*;

type Owned = Vec<(String, Value)>;

#[derive(Clone, Debug)]
enum Value {
    Text(String),
    Int(i64),
    Float(u64),
    Bool(bool),
}

impl Value {
    fn borrowed(&self) -> ValueRef<'_> {
        match self {
            Self::Text(text) => ValueRef::Text(text),
            Self::Int(int) => ValueRef::Int(*int),
            Self::Float(bits) => ValueRef::Float(f64::from_bits(*bits)),
            Self::Bool(bool) => ValueRef::Bool(*bool),
        }
    }
}

fn borrowed(row: &Owned) -> Vec<(&str, ValueRef<'_>)> {
    row.iter().map(|(key, value)| (key.as_str(), value.borrowed())).collect()
}

fn any_rows() -> impl Strategy<Value = Vec<Owned>> {
    let value = prop_oneof![
        "[a-c]{0,3}".prop_map(Value::Text),
        any::<i64>().prop_map(Value::Int),
        any::<u64>().prop_map(Value::Float),
        any::<bool>().prop_map(Value::Bool),
    ];
    proptest::collection::vec(proptest::collection::vec(("[kl]", value), 0..5), 0..30)
}

/// NaN is not equal to itself, its text is.
fn text(value: impl std::fmt::Debug) -> String {
    format!("{value:?}")
}

fn check(rows: &[Owned]) -> Vec<u8> {
    let bytes = encode(rows.iter().map(borrowed));
    let decoded = Attributes::decode(&bytes, rows.len()).unwrap().rows().unwrap();
    let found: Vec<_> = (0..rows.len()).map(|row| decoded.row(row).collect::<Vec<_>>()).collect();
    assert_eq!(text(found), text(rows.iter().map(borrowed).collect::<Vec<_>>()));
    bytes
}

proptest! {
    #[test]
    fn any_rows_come_back_in_their_order(rows in any_rows()) {
        check(&rows);
    }

    #[test]
    fn some_keys_come_back_alone(rows in any_rows()) {
        let bytes = check(&rows);
        let page = Attributes::decode(&bytes, rows.len()).unwrap();
        let decoded = page.rows_of(|key| key == "k").unwrap();
        let mut by_column: Vec<(u32, String)> = Vec::new();
        for column in page.columns("k").unwrap() {
            by_column.extend((0..).zip(&column.rows).map(|(at, row)| (*row, text(column.values.get(at)))));
        }
        by_column.sort();
        let mut by_row = Vec::new();
        for (row, whole) in rows.iter().enumerate() {
            let wanted: Vec<_> = borrowed(whole).into_iter().filter(|pair| pair.0 == "k").collect();
            prop_assert_eq!(text(decoded.row(row).collect::<Vec<_>>()), text(&wanted));
            by_row.extend(wanted.iter().map(|pair| (row as u32, text(pair.1))));
        }
        by_row.sort();
        prop_assert_eq!(by_column, by_row);
    }

    #[test]
    fn any_bytes_decode_or_are_corrupt(bytes: Vec<u8>, rows in 0usize..20) {
        if let Ok(page) = Attributes::decode(&[&[VERSION], &bytes[..]].concat(), rows) {
            drop(page.rows());
        }
    }

    #[test]
    fn damaged_pages_decode_or_are_corrupt(rows in any_rows(), at: usize, flip in 1u8..) {
        let mut bytes = check(&rows);
        let at = at % bytes.len();
        bytes[at] ^= flip;
        if let Ok(page) = Attributes::decode(&bytes, rows.len()) {
            drop(page.rows());
        }
    }
}

#[test]
fn a_long_shape_of_rows_that_cost_nothing_is_corrupt() {
    let row: Owned = (0..400).map(|key| (format!("k{key}"), Value::Bool(true))).collect();
    let bytes = encode([borrowed(&row)]);
    assert!(Attributes::decode(&bytes, 1).is_ok());
    assert!(Attributes::decode(&bytes, ROWS_MAX).is_err());
}

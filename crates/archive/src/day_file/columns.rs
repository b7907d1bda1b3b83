//! Values of one column with their levels.
//!
//! Parquet writes nested columns flat: beside each value stands at which depth it begins a
//! new element (its repetition) and how much of its path is there (its definition). The
//! columns here have the four shapes below.

use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedRowGroupWriter;

use crate::pipe::Pipe;

pub type Group<'a> = SerializedRowGroupWriter<'a, Pipe>;

/// So many values are handed to the column's writer together.
const BATCH: usize = 4096;

pub struct Values<T> {
    values: Vec<T>,
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
}

impl<T> Values<T> {
    /// A value that each row has.
    pub fn one(&mut self, value: T) {
        self.values.push(value);
    }

    /// A value that a row may have.
    pub fn optional(&mut self, value: Option<T>) {
        self.definitions.push(i16::from(value.is_some()));
        self.values.extend(value);
    }

    /// The values of a row's list, or the names or values of its map.
    pub fn list(&mut self, values: impl Iterator<Item = T>) {
        self.elements(values, 0, 0);
    }

    /// For each element of a row's list, the values of a list within.
    pub fn lists<I: Iterator<Item = T>>(&mut self, lists: impl Iterator<Item = I>) {
        let mut repetition = 0;
        for list in lists {
            self.elements(list, repetition, 1);
            repetition = 1;
        }
        if repetition == 0 {
            self.level(0, 0);
        }
    }

    /// The first element repeats at `repetition`, the others at the list's own depth.
    fn elements(&mut self, values: impl Iterator<Item = T>, repetition: i16, depth: i16) {
        let before = self.values.len();
        for value in values {
            let is_first = self.values.len() == before;
            self.values.push(value);
            self.level(if is_first { repetition } else { depth + 1 }, depth + 1);
        }
        if self.values.len() == before {
            self.level(repetition, depth);
        }
    }

    fn level(&mut self, repetition: i16, definition: i16) {
        self.repetitions.push(repetition);
        self.definitions.push(definition);
    }
}

/// Writes the next column of a row group: `put` adds what one row has.
pub fn write<T: DataType, R>(
    group: &mut Group<'_>,
    rows: impl Iterator<Item = R>,
    mut put: impl FnMut(R, &mut Values<T::T>),
) -> Result<(), ParquetError> {
    let Some(mut column) = group.next_column()? else {
        return Err(ParquetError::General("the schema has fewer columns".to_owned()));
    };
    let mut values = Values { values: Vec::new(), definitions: Vec::new(), repetitions: Vec::new() };
    let mut send = |values: &mut Values<T::T>| -> Result<(), ParquetError> {
        let levels = |levels: &Vec<i16>| (!levels.is_empty()).then(|| levels.clone());
        let (definitions, repetitions) = (levels(&values.definitions), levels(&values.repetitions));
        column.typed::<T>().write_batch(&values.values, definitions.as_deref(), repetitions.as_deref())?;
        values.values.clear();
        values.definitions.clear();
        values.repetitions.clear();
        Ok(())
    };
    for row in rows {
        put(row, &mut values);
        if values.values.len() >= BATCH || values.definitions.len() >= BATCH {
            send(&mut values)?;
        }
    }
    send(&mut values)?;
    column.close()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(put: impl FnOnce(&mut Values<u8>), values: &[u8], definitions: &[i16], repetitions: &[i16]) {
        let mut found = Values { values: Vec::new(), definitions: Vec::new(), repetitions: Vec::new() };
        put(&mut found);
        assert_eq!(
            (&found.values[..], &found.definitions[..], &found.repetitions[..]),
            (values, definitions, repetitions)
        );
    }

    #[test]
    fn levels_say_where_a_value_stands() {
        check(|to| to.one(7), &[7], &[], &[]);
        check(|to| [Some(7), None].map(|value| to.optional(value)).into_iter().collect(), &[7], &[1, 0], &[]);
        check(|to| to.list([7, 8, 9].into_iter()), &[7, 8, 9], &[1, 1, 1], &[0, 1, 1]);
        check(|to| to.list([].into_iter()), &[], &[0], &[0]);
        let lists = [vec![], vec![7, 8], vec![9], vec![]];
        check(
            |to| to.lists(lists.into_iter().map(Vec::into_iter)),
            &[7, 8, 9],
            &[1, 2, 2, 2, 1],
            &[0, 1, 2, 1, 1],
        );
        check(|to| to.lists(std::iter::empty::<std::vec::IntoIter<u8>>()), &[], &[0], &[0]);
    }
}

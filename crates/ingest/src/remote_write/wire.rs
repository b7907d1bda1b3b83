//! Protocol buffers, field by field, without building messages.
//! Source: <https://protobuf.dev/programming-guides/encoding/>

/// The bytes are no such message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message is malformed: {0}")]
pub struct Malformed(pub &'static str);

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    Varint(u64),
    /// Eight bytes.
    Word(u64),
    /// Four bytes.
    Half(u32),
    Bytes(&'a [u8]),
}

/// The fields of a message in their order: number and value.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What was not read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    fn next_field(&mut self) -> Result<(u64, Value<'a>), Malformed> {
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Word(u64::from_le_bytes(self.array()?)),
            2 => {
                let length = self.varint()?;
                let length = usize::try_from(length).map_err(|_| Malformed("a length beyond its end"))?;
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Half(u32::from_le_bytes(self.array()?)),
            _ => return Err(Malformed("an unknown kind of field")),
        };
        Ok((key >> 3, value))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Malformed("it ends too early"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let bytes = self.take(N)?;
        bytes.try_into().map_err(|_| Malformed("it ends too early"))
    }

    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut number = 0;
        for (place, byte) in self.rest.iter().enumerate().take(10) {
            number |= u64::from(byte & 0x7f).checked_shl(7 * place as u32).unwrap_or(0);
            if byte & 0x80 == 0 {
                self.rest = &self.rest[place + 1..];
                return Ok(number);
            }
        }
        Err(Malformed("a number without end"))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.next_field();
        if field.is_err() {
            // Nothing behind an error makes sense.
            self.rest = &[];
        }
        Some(field)
    }
}

/// Numbers of a repeated field: packed, or one by one.
pub fn numbers(value: Value<'_>, mut take: impl FnMut(u64)) -> Result<(), Malformed> {
    match value {
        Value::Varint(number) => take(number),
        Value::Bytes(packed) => {
            let mut packed = Fields::new(packed);
            while !packed.rest.is_empty() {
                take(packed.varint()?);
            }
        }
        _ => return Err(Malformed("a number of another kind")),
    }
    Ok(())
}

/// Doubles of a repeated field, as [`numbers`].
pub fn doubles(value: Value<'_>, mut take: impl FnMut(f64)) -> Result<(), Malformed> {
    match value {
        Value::Word(bits) => take(f64::from_bits(bits)),
        Value::Bytes(packed) => {
            let mut packed = Fields::new(packed);
            while !packed.rest.is_empty() {
                take(f64::from_le_bytes(packed.array()?));
            }
        }
        _ => return Err(Malformed("a double of another kind")),
    }
    Ok(())
}

/// Zigzag: small numbers of either sign are short.
pub fn signed(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_in_their_order_whatever_they_are() {
        let message =
            [0x08, 0x96, 0x01, 0x12, 2, b'h', b'i', 0x1d, 1, 0, 0, 0, 0x21, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f];
        let fields: Vec<_> = Fields::new(&message).collect::<Result<_, _>>().unwrap_or_default();
        let expected = [
            (1, Value::Varint(150)),
            (2, Value::Bytes(b"hi")),
            (3, Value::Half(1)),
            (4, Value::Word(1.0_f64.to_bits())),
        ];
        assert_eq!(fields, expected);
    }

    #[test]
    fn what_ends_too_early_is_malformed() {
        for bytes in [
            &[0x08][..],
            &[0x12, 5, 1],
            &[0x0b],
            &[0x21, 1],
            &[0xff; 11],
            &[0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
        ] {
            assert!(Fields::new(bytes).any(|field| field.is_err()), "{bytes:?}");
        }
    }

    #[test]
    fn zigzag_is_undone() {
        assert_eq!([0, 1, 2, 3, u64::MAX].map(signed), [0, -1, 1, -2, i64::MIN]);
    }
}

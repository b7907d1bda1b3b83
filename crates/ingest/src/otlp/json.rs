//! OTLP's JSON as its protobuf: one pass, guided by the [`SCHEMA`], nothing built between.
//!
//! It is read as leniently as senders write it: numbers as numbers or as texts, enumerations by
//! number or name, ids in hexadecimal or base64, names in either spelling, `null` for what is
//! not there. Fields that are not known are skipped. What is of another kind altogether is an
//! error that tells its place. Source:
//! <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>

use std::fmt;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::schema::{FieldKind, FieldShape, NUMBERS_PER_MESSAGE, SCHEMA};

/// The bytes of the message with this number. Messages beyond `messages_max` are an error.
pub fn to_protobuf(message: usize, json: &[u8], messages_max: usize) -> Result<Vec<u8>, serde_json::Error> {
    let mut writer = Writer { bytes: Vec::with_capacity(json.len() / 2), messages_left: messages_max };
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    MessageSeed { message, writer: &mut writer }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(writer.bytes)
}

struct Writer {
    bytes: Vec<u8>,
    messages_left: usize,
}

/// The ways in which protobuf lays out values.
const VARINT: u32 = 0;
const WORD: u32 = 1;
const LENGTH: u32 = 2;
const HALF: u32 = 5;

impl Writer {
    fn count_message<E: Error>(&mut self) -> Result<(), E> {
        let left = self.messages_left.checked_sub(1);
        self.messages_left = left.ok_or_else(|| E::custom("too many messages"))?;
        Ok(())
    }

    fn key(&mut self, number: u32, layout: u32) {
        self.varint(u64::from(number) << 3 | u64::from(layout));
    }

    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    fn integer(&mut self, number: u32, value: u64) {
        self.key(number, VARINT);
        self.varint(value);
    }

    fn word(&mut self, number: u32, value: u64) {
        self.key(number, WORD);
        self.bytes.extend(value.to_le_bytes());
    }

    fn text(&mut self, number: u32, value: &[u8]) {
        self.key(number, LENGTH);
        self.varint(value.len() as u64);
        self.bytes.extend(value);
    }

    /// The length stands before what was written since `start`, and is known only now.
    fn close(&mut self, start: usize) {
        let end = self.bytes.len();
        self.varint((end - start) as u64);
        let length_bytes = self.bytes.len() - end;
        if let Some(nested) = self.bytes.get_mut(start..) {
            nested.rotate_right(length_bytes);
        }
    }
}

struct MessageSeed<'a> {
    message: usize,
    writer: &'a mut Writer,
}

impl<'de> DeserializeSeed<'de> for MessageSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for MessageSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.writer.count_message()?;
        while let Some(field) = map.next_key_seed(FieldName { message: self.message })? {
            match field {
                Some(field) => map.next_value_seed(FieldSeed { field, writer: self.writer })?,
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// A key of an object, as the field that it names.
struct FieldName {
    message: usize,
}

impl<'de> DeserializeSeed<'de> for FieldName {
    type Value = Option<FieldShape>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for FieldName {
    type Value = Option<FieldShape>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(SCHEMA.field(self.message, name))
    }
}

struct FieldSeed<'a> {
    field: FieldShape,
    writer: &'a mut Writer,
}

impl<'de> DeserializeSeed<'de> for FieldSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for FieldSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_repeated {
            f.write_str("an array of ")?;
        }
        f.write_str(match self.field.kind {
            FieldKind::Double => "a number",
            FieldKind::Bool => "true or false",
            FieldKind::Text => "a text",
            FieldKind::Bytes => "base64",
            FieldKind::Id => "hexadecimal digits",
            FieldKind::Choice => "the number of a choice",
            FieldKind::Message(_) => "an object",
            _ => "an integer",
        })
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        if !self.field.is_repeated {
            return Err(A::Error::invalid_type(serde::de::Unexpected::Seq, &self));
        }
        let element = FieldShape { is_repeated: false, ..self.field };
        for number in 1_usize.. {
            if sequence.next_element_seed(FieldSeed { field: element, writer: self.writer })?.is_none() {
                break;
            }
            // Messages count themselves.
            if number.is_multiple_of(NUMBERS_PER_MESSAGE) {
                self.writer.count_message()?;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let FieldKind::Message(message) = self.field.kind else {
            return Err(A::Error::invalid_type(serde::de::Unexpected::Map, &self));
        };
        self.writer.key(self.field.number, LENGTH);
        let start = self.writer.bytes.len();
        MessageSeed { message, writer: self.writer }.visit_map(map)?;
        self.writer.close(start);
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.scalar(&Scalar::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.scalar(&Scalar::Integer(i128::from(value)))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.scalar(&Scalar::Integer(i128::from(value)))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.scalar(&Scalar::Double(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.scalar(&Scalar::Text(value))
    }
}

#[derive(Debug)]
enum Scalar<'a> {
    Bool(bool),
    /// Wide enough for both signs of 64 bits.
    Integer(i128),
    Double(f64),
    Text(&'a str),
}

/// For the sender, who knows the rest of a long one.
impl fmt::Display for Scalar<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scalar::Bool(value) => value.fmt(f),
            Scalar::Integer(number) => number.fmt(f),
            Scalar::Double(number) => number.fmt(f),
            Scalar::Text(text) => write!(f, "{:?}", &text[..text.floor_char_boundary(TOLD_BYTES_MAX)]),
        }
    }
}

const TOLD_BYTES_MAX: usize = 64;

impl FieldSeed<'_> {
    fn scalar<E: Error>(self, scalar: &Scalar<'_>) -> Result<(), E> {
        let FieldShape { number, kind, is_repeated } = self.field;
        let written = if is_repeated { None } else { write(kind, number, scalar, self.writer) };
        written.ok_or_else(|| E::custom(format_args!("{scalar} is there instead of {}", Expected(&self))))
    }
}

/// Completes "instead of …".
struct Expected<'a, 'b>(&'a FieldSeed<'b>);

impl fmt::Display for Expected<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }
}

/// None when the value is of another kind.
fn write(kind: FieldKind, number: u32, scalar: &Scalar<'_>, writer: &mut Writer) -> Option<()> {
    match kind {
        FieldKind::Double => writer.word(number, double(scalar)?.to_bits()),
        FieldKind::Bool => writer.integer(number, u64::from(truth(scalar)?)),
        FieldKind::Text => match scalar {
            Scalar::Text(text) => writer.text(number, text.as_bytes()),
            _ => return None,
        },
        FieldKind::Bytes => match scalar {
            Scalar::Text(text) => writer.text(number, &base64(text)?),
            _ => return None,
        },
        FieldKind::Id => match scalar {
            Scalar::Text(text) => writer.text(number, &id(text)?),
            _ => return None,
        },
        FieldKind::Integer => writer.integer(number, integer(scalar)?),
        FieldKind::Zigzag => {
            let value = integer(scalar)? as i64;
            writer.integer(number, (value << 1 ^ value >> 63) as u64);
        }
        FieldKind::Word => writer.word(number, integer(scalar)?),
        FieldKind::Half => {
            writer.key(number, HALF);
            writer.bytes.extend((integer(scalar)? as u32).to_le_bytes());
        }
        FieldKind::Choice => match scalar {
            Scalar::Text(name) if SCHEMA.choice(name).is_some() => {
                writer.integer(number, SCHEMA.choice(name)? as u64);
            }
            _ => writer.integer(number, integer(scalar)?),
        },
        FieldKind::Message(_) => return None,
    }
    Some(())
}

/// A whole number of at most 64 bits, as the bits of it.
fn integer(scalar: &Scalar<'_>) -> Option<u64> {
    let number = match scalar {
        Scalar::Integer(number) => *number,
        Scalar::Double(number) if number.fract() == 0.0 && number.abs() < 1e18 => *number as i128,
        Scalar::Text(text) => text.trim().parse().ok()?,
        Scalar::Bool(_) | Scalar::Double(_) => return None,
    };
    u64::try_from(number).ok().or_else(|| i64::try_from(number).ok().map(|number| number as u64))
}

fn double(scalar: &Scalar<'_>) -> Option<f64> {
    match scalar {
        Scalar::Integer(number) => Some(*number as f64),
        Scalar::Double(number) => Some(*number),
        // Also reads the words `NaN`, `Infinity` and `-Infinity`.
        Scalar::Text(text) => text.trim().parse().ok(),
        Scalar::Bool(_) => None,
    }
}

fn truth(scalar: &Scalar<'_>) -> Option<bool> {
    match scalar {
        Scalar::Bool(value) => Some(*value),
        Scalar::Text(text) => text.trim().parse().ok(),
        Scalar::Integer(_) | Scalar::Double(_) => None,
    }
}

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);

/// In the standard alphabet or in that of URLs.
fn base64(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text.replace('-', "+").replace('_', "/")).ok()
}

/// In hexadecimal. Senders that write ids like any other bytes are told by the length.
fn id(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if digits.len().is_multiple_of(2) && digits.iter().all(u8::is_ascii_hexdigit) {
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        return digits.chunks_exact(2).map(byte).collect();
    }
    base64(text).filter(|id| matches!(id.len(), 8 | 16))
}

#[cfg(test)]
mod tests;

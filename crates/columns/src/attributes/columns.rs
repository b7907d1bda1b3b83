//! The values of one key and kind.

use super::{ValueRef, WHAT};
use crate::bytes::Cursor;
use crate::strings::{self, Strings};
use crate::{Corrupt, floats, numbers};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Text = 0,
    Int = 1,
    Float = 2,
    Bool = 3,
}

impl Kind {
    pub(super) fn of(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Text(_) => Self::Text,
            ValueRef::Int(_) => Self::Int,
            ValueRef::Float(_) => Self::Float,
            ValueRef::Bool(_) => Self::Bool,
        }
    }

    pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<Self, Corrupt> {
        match cursor.byte()? {
            0 => Ok(Self::Text),
            1 => Ok(Self::Int),
            2 => Ok(Self::Float),
            3 => Ok(Self::Bool),
            _ => Err(cursor.corrupt()),
        }
    }
}

/// A column on its way into a page.
pub(super) struct Gathered<'a> {
    pub key: &'a str,
    pub kind: Kind,
    pub values: Vec<ValueRef<'a>>,
}

impl<'a> Gathered<'a> {
    pub(super) fn new(key: &'a str, kind: Kind) -> Self {
        Self { key, kind, values: Vec::new() }
    }

    pub(super) fn push(&mut self, value: ValueRef<'a>) {
        self.values.push(value);
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        match self.kind {
            Kind::Text => strings::encode(&self.each(|value| match value {
                ValueRef::Text(text) => Some(text),
                _ => None,
            })),
            Kind::Int => numbers::encode(&self.each(|value| match value {
                ValueRef::Int(int) => Some(int),
                _ => None,
            })),
            Kind::Float => floats::encode(&self.each(|value| match value {
                ValueRef::Float(float) => Some(float),
                _ => None,
            })),
            Kind::Bool => numbers::encode(&self.each(|value| match value {
                ValueRef::Bool(bool) => Some(u32::from(bool)),
                _ => None,
            })),
        }
    }

    fn each<T>(&self, of: impl Fn(ValueRef<'a>) -> Option<T>) -> Vec<T> {
        self.values.iter().filter_map(|&value| of(value)).collect()
    }
}

/// The values of one key and kind, and the row of each, ascending. A row that has the key
/// twice comes twice.
#[derive(Clone, Debug)]
pub struct Column {
    pub rows: Vec<u32>,
    pub values: Values,
}

#[derive(Clone, Debug)]
pub enum Values {
    Texts(Strings),
    Ints(Vec<i64>),
    Floats(Vec<f64>),
    Bools(Vec<bool>),
}

impl Values {
    pub(super) fn decode(kind: Kind, bytes: &[u8], values: usize) -> Result<Self, Corrupt> {
        Ok(match kind {
            Kind::Text => Self::Texts(strings::decode(bytes, values)?),
            Kind::Int => Self::Ints(numbers::decode(bytes, values)?),
            Kind::Float => Self::Floats(floats::decode(bytes, values)?),
            Kind::Bool => Self::Bools(
                numbers::decode(bytes, values)?.into_iter().map(bool_of).collect::<Result<_, _>>()?,
            ),
        })
    }

    pub fn get(&self, index: usize) -> ValueRef<'_> {
        match self {
            Self::Texts(texts) => ValueRef::Text(texts.get(index)),
            Self::Ints(ints) => ValueRef::Int(ints[index]),
            Self::Floats(floats) => ValueRef::Float(floats[index]),
            Self::Bools(bools) => ValueRef::Bool(bools[index]),
        }
    }
}

fn bool_of(number: u32) -> Result<bool, Corrupt> {
    match number {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Corrupt(WHAT)),
    }
}

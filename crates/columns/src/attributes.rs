//! Rows of keys and values, turned into a column for each key and kind of value.
//!
//! ```text
//! byte 1                         the version
//! uint columns, for each:        text key, byte kind, uint values, uint bytes
//! block shapes                   uint shapes, for each: uint length, uint column ...
//! block numbers (u32)            the shape of each row
//! the columns, one after the other
//!
//! kind   0 text    as of `strings`
//!        1 int     numbers (i64)
//!        2 float   as of `floats`
//!        3 bool    numbers (u32), 0 or 1
//! ```
//!
//! A *shape* is the sequence of the columns that a row takes its values from, so that order
//! and repetitions within a row are kept. Rows of one kind of event share few shapes.

mod columns;
mod rows;

pub use columns::{Column, Values};
pub use rows::Rows;

use std::collections::HashMap;

use crate::bytes::{Cursor, put_block, put_text, put_uint};
use crate::hash::HashBuilder;
use crate::{Corrupt, ROWS_MAX, numbers};
use columns::{Gathered, Kind};

const WHAT: &str = "a page of attributes";

const VERSION: u8 = 1;

/// The most values of a page, all rows together. A shape may be long and its rows cost
/// nothing, so that bytes alone would not bound what reading reserves.
pub const VALUES_MAX: usize = 16 << 20;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ValueRef<'a> {
    Text(&'a str),
    Int(i64),
    Float(f64),
    Bool(bool),
}

/// Encodes rows, each of which yields its keys and values in order.
pub fn encode<'a, R>(rows: impl IntoIterator<Item = R>) -> Vec<u8>
where
    R: IntoIterator<Item = (&'a str, ValueRef<'a>)>,
{
    let mut gathering = Gathering::default();
    rows.into_iter().for_each(|row| gathering.push(row));
    gathering.encode()
}

#[derive(Default)]
struct Gathering<'a> {
    columns: Vec<Gathered<'a>>,
    column_numbers: HashMap<(&'a str, Kind), u32, HashBuilder>,
    shapes: Vec<Vec<u32>>,
    shape_numbers: HashMap<Vec<u32>, u32, HashBuilder>,
    shape_of_row: Vec<u32>,
}

impl<'a> Gathering<'a> {
    fn push(&mut self, row: impl IntoIterator<Item = (&'a str, ValueRef<'a>)>) {
        let mut shape = Vec::new();
        for (key, value) in row {
            let kind = Kind::of(value);
            let column = *self.column_numbers.entry((key, kind)).or_insert_with(|| {
                self.columns.push(Gathered::new(key, kind));
                self.columns.len() as u32 - 1
            });
            self.columns[column as usize].push(value);
            shape.push(column);
        }
        let number = match self.shape_numbers.get(&shape) {
            Some(&number) => number,
            None => {
                self.shapes.push(shape.clone());
                self.shape_numbers.insert(shape, self.shapes.len() as u32 - 1);
                self.shapes.len() as u32 - 1
            }
        };
        self.shape_of_row.push(number);
    }

    fn encode(&self) -> Vec<u8> {
        assert!(self.shape_of_row.len() <= ROWS_MAX, "a page is cut before it has so many rows");
        let mut out = vec![VERSION];
        let columns: Vec<Vec<u8>> = self.columns.iter().map(Gathered::encode).collect();
        put_uint(&mut out, columns.len() as u64);
        for (column, bytes) in self.columns.iter().zip(&columns) {
            put_text(&mut out, column.key);
            out.push(column.kind as u8);
            put_uint(&mut out, column.values.len() as u64);
            put_uint(&mut out, bytes.len() as u64);
        }
        let mut shapes = Vec::new();
        put_uint(&mut shapes, self.shapes.len() as u64);
        for shape in &self.shapes {
            put_uint(&mut shapes, shape.len() as u64);
            shape.iter().for_each(|&column| put_uint(&mut shapes, column.into()));
        }
        put_block(&mut out, &shapes);
        put_block(&mut out, &numbers::encode(&self.shape_of_row));
        columns.iter().for_each(|column| out.extend_from_slice(column));
        out
    }
}

/// A page of attributes of which nothing but the directory has been read.
#[derive(Clone, Debug)]
pub struct Attributes<'a> {
    columns: Vec<Head<'a>>,
    shapes: Vec<Vec<u32>>,
    shape_of_row: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Head<'a> {
    key: &'a str,
    kind: Kind,
    values: usize,
    bytes: &'a [u8],
}

impl<'a> Attributes<'a> {
    pub fn decode(bytes: &'a [u8], rows: usize) -> Result<Self, Corrupt> {
        let mut cursor = Cursor::new(bytes, WHAT);
        if cursor.byte()? != VERSION {
            return Err(cursor.corrupt());
        }
        let count = cursor.count()?;
        let mut heads = Vec::new();
        for _ in 0..count {
            let key = cursor.text()?;
            let kind = Kind::read(&mut cursor)?;
            heads.push((key, kind, cursor.at_most(VALUES_MAX)?, cursor.count()?));
        }
        let shapes = read_shapes(cursor.block()?, count)?;
        let shape_of_row = numbers::decode::<u32>(cursor.block()?, rows)?;
        let mut columns = Vec::with_capacity(heads.len());
        for (key, kind, values, size) in heads {
            columns.push(Head { key, kind, values, bytes: cursor.take(size)? });
        }
        cursor.finish()?;
        check_counts(&columns, &shapes, &shape_of_row)?;
        Ok(Self { columns, shapes, shape_of_row })
    }

    pub fn len(&self) -> usize {
        self.shape_of_row.len()
    }

    pub fn is_empty(&self) -> bool {
        self.shape_of_row.is_empty()
    }

    /// The keys of the page in order of appearance; one with values of two kinds comes twice.
    pub fn keys(&self) -> impl Iterator<Item = &'a str> {
        self.columns.iter().map(|column| column.key)
    }

    /// The columns of one key, one for each kind of value: for a filter on one attribute.
    pub fn columns(&self, key: &str) -> Result<Vec<Column>, Corrupt> {
        let wanted = (0u32..).zip(&self.columns).filter(|(_, head)| head.key == key);
        wanted
            .map(|(number, head)| {
                let mut rows = Vec::new();
                for (row, &shape) in (0..).zip(&self.shape_of_row) {
                    let shape = &self.shapes[shape as usize];
                    rows.extend(shape.iter().filter(|&&column| column == number).map(|_| row));
                }
                Ok(Column { rows, values: Values::decode(head.kind, head.bytes, head.values)? })
            })
            .collect()
    }

    /// All rows, whole.
    pub fn rows(&self) -> Result<Rows<'a>, Corrupt> {
        self.rows_of(|_| true)
    }

    /// All rows with the values of some keys only; the columns of others are not decoded.
    pub fn rows_of(&self, is_wanted: impl Fn(&str) -> bool) -> Result<Rows<'a>, Corrupt> {
        Rows::decode(self, is_wanted)
    }
}

fn read_shapes(bytes: &[u8], columns: usize) -> Result<Vec<Vec<u32>>, Corrupt> {
    let mut cursor = Cursor::new(bytes, WHAT);
    let mut shapes = Vec::new();
    for _ in 0..cursor.count()? {
        let mut shape = Vec::new();
        for _ in 0..cursor.count()? {
            let column = cursor.at_most(columns)?;
            if column == columns {
                return Err(cursor.corrupt());
            }
            shape.push(column as u32);
        }
        shapes.push(shape);
    }
    cursor.finish()?;
    Ok(shapes)
}

/// Each row finds its shape, each shape its values, and all of them stay within the limit.
fn check_counts(columns: &[Head<'_>], shapes: &[Vec<u32>], shape_of_row: &[u32]) -> Result<(), Corrupt> {
    let mut rows_of_shape = vec![0usize; shapes.len()];
    for &shape in shape_of_row {
        *rows_of_shape.get_mut(shape as usize).ok_or(Corrupt(WHAT))? += 1;
    }
    let mut values = vec![0usize; columns.len()];
    for (shape, rows) in shapes.iter().zip(rows_of_shape) {
        shape.iter().for_each(|&column| values[column as usize] += rows);
    }
    let is_sound = columns.iter().zip(&values).all(|(column, &values)| column.values == values)
        && values.iter().sum::<usize>() <= VALUES_MAX;
    if is_sound { Ok(()) } else { Err(Corrupt(WHAT)) }
}

#[cfg(test)]
mod tests;

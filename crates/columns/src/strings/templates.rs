//! Texts as templates with holes: what programs write is mostly what they wrote before,
//! with other numbers in it.
//!
//! ```text
//! uint templates           block of them, as `joined` or `phrases`, in order of
//!                          appearance; a hole is the character 0 for a number, or 1 and a
//!                          character of code n for n hexadecimal digits
//! block numbers (u32)      for each row 0, if its template has not come before and is the
//!                          next one, or 1 plus the place of its template
//! block                    hexadecimal digits of all rows, two a byte, the first one lower
//! for each template that comes 32 times or more, for each of its numbers:
//!   block numbers (u64)    of all rows with it
//! block numbers (u64)      the numbers of all other rows
//! ```
//!
//! A *number* is a longest run of decimal digits that follows no letter or digit, has no
//! leading zero and fits 18 digits. *Hexadecimal digits* are a longest run of letters and
//! digits that has 8 to 120 of them, all in `0-9a-f`, and a decimal one among them.

use std::collections::HashMap;

use crate::bytes::{Cursor, UNPACKED_BYTES_MAX, put_block, put_uint};
use crate::hash::HashBuilder;
use crate::{Corrupt, ROWS_MAX, numbers};

use super::{JOINED, PHRASES, Strings, WHAT, decode_distinct, encode_prose};

const NUMBER: char = '\0';
const HEX: char = '\u{1}';

/// A template that comes so often has columns of its own: about what the bins of a column
/// cost.
const COLUMN_ROWS_MIN: usize = 32;

const NUMBER_DIGITS_MAX: usize = 18;
const HEX_DIGITS_MIN: usize = 8;
/// Its length stands in a template as one character of one byte.
const HEX_DIGITS_MAX: usize = 120;

/// The column, unless a text already has a character that stands for a hole.
pub(super) fn encode(rows: &[&str]) -> Option<Vec<u8>> {
    if rows.iter().any(|row| row.contains([NUMBER, HEX])) {
        return None;
    }
    let cuts = Cuts::of(rows);
    let mut out = Vec::new();
    put_uint(&mut out, cuts.templates.len() as u64);
    let templates: Vec<&str> = cuts.templates.iter().map(String::as_str).collect();
    put_block(&mut out, &encode_prose(&templates));
    put_block(&mut out, &numbers::encode(&cuts.codes()));
    put_block(&mut out, &pack_nibbles(&cuts.nibbles));
    let (own, others) = cuts.number_columns();
    if others.len() > ROWS_MAX {
        return None;
    }
    own.iter().for_each(|column| put_block(&mut out, &numbers::encode(column)));
    put_block(&mut out, &numbers::encode(&others));
    Some(out)
}

/// Rows that have been cut into templates and what fills their holes.
#[derive(Default)]
struct Cuts {
    templates: Vec<String>,
    template_of_row: Vec<u32>,
    /// Of all rows, one after the other.
    numbers: Vec<u64>,
    nibbles: Vec<u8>,
}

impl Cuts {
    fn of(rows: &[&str]) -> Self {
        let mut cuts = Self::default();
        let mut places: HashMap<String, u32, HashBuilder> = HashMap::default();
        let mut template = String::new();
        for row in rows {
            template.clear();
            cuts.cut(row, &mut template);
            let place = match places.get(&template) {
                Some(&place) => place,
                None => {
                    let place = cuts.templates.len() as u32;
                    cuts.templates.push(template.clone());
                    places.insert(template.clone(), place);
                    place
                }
            };
            cuts.template_of_row.push(place);
        }
        cuts
    }

    fn cut(&mut self, row: &str, template: &mut String) {
        let bytes = row.as_bytes();
        let (mut kept, mut at) = (0, 0);
        while at < bytes.len() {
            if !is_of_word(bytes[at]) {
                at += 1;
                continue;
            }
            let word = &bytes[at..];
            let word = &word[..word.iter().position(|&byte| !is_of_word(byte)).unwrap_or(word.len())];
            let digits = word.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(word.len());
            if is_hex(word) {
                template.push_str(&row[kept..at]);
                template.push(HEX);
                template.push(word.len() as u8 as char);
                self.nibbles.extend(word.iter().map(|&digit| nibble(digit)));
                kept = at + word.len();
            } else if is_number(&word[..digits]) {
                template.push_str(&row[kept..at]);
                template.push(NUMBER);
                let value =
                    word[..digits].iter().fold(0, |value, digit| 10 * value + u64::from(digit - b'0'));
                self.numbers.push(value);
                kept = at + digits;
            }
            at += word.len();
        }
        template.push_str(&row[kept..]);
    }

    fn codes(&self) -> Vec<u32> {
        let mut known = 0;
        let mut code = |&place: &u32| {
            if place == known {
                known += 1;
                return 0;
            }
            place + 1
        };
        self.template_of_row.iter().map(&mut code).collect()
    }

    /// The columns of frequent templates in their order, and all other numbers.
    fn number_columns(&self) -> (Vec<Vec<u64>>, Vec<u64>) {
        let layout = Layout::new(self.templates.iter().map(String::as_str), &self.template_of_row);
        let mut own = vec![Vec::new(); layout.columns];
        let mut others = Vec::new();
        let mut numbers = self.numbers.iter();
        for &template in &self.template_of_row {
            let Template { holes, column, .. } = layout.templates[template as usize];
            for (hole, &number) in numbers.by_ref().take(holes).enumerate() {
                match column {
                    Some(first) => own[first + hole].push(number),
                    None => others.push(number),
                }
            }
        }
        (own, others)
    }
}

fn is_of_word(byte: u8) -> bool {
    // Letters beyond ASCII count, so that "ä1" is one word wherever it is cut.
    byte.is_ascii_alphanumeric() || !byte.is_ascii()
}

fn is_hex(word: &[u8]) -> bool {
    (HEX_DIGITS_MIN..=HEX_DIGITS_MAX).contains(&word.len())
        && word.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        && word.iter().any(u8::is_ascii_digit)
}

fn is_number(digits: &[u8]) -> bool {
    match digits {
        [b'0'] => true,
        [b'1'..=b'9', ..] => digits.len() <= NUMBER_DIGITS_MAX,
        _ => false,
    }
}

fn nibble(digit: u8) -> u8 {
    if digit.is_ascii_digit() { digit - b'0' } else { digit - b'a' + 10 }
}

fn pack_nibbles(nibbles: &[u8]) -> Vec<u8> {
    nibbles.chunks(2).map(|pair| pair[0] | pair.get(1).copied().unwrap_or(0) << 4).collect()
}

/// Which columns the numbers of each template are in.
struct Layout {
    templates: Vec<Template>,
    columns: usize,
    /// How many numbers are in no column of their own.
    others: usize,
}

#[derive(Clone, Copy)]
struct Template {
    /// For numbers.
    holes: usize,
    rows: usize,
    /// The first of its columns, if it has any of its own.
    column: Option<usize>,
}

impl Layout {
    fn new<'a>(templates: impl Iterator<Item = &'a str>, template_of_row: &[u32]) -> Self {
        let mut layout = Self { templates: vec![], columns: 0, others: 0 };
        let mut counts: Vec<usize> = Vec::new();
        for &template in template_of_row {
            let template = template as usize;
            counts.resize(counts.len().max(template + 1), 0);
            counts[template] += 1;
        }
        for (number, template) in templates.enumerate() {
            let holes = template.bytes().filter(|&byte| byte == NUMBER as u8).count();
            let rows = counts.get(number).copied().unwrap_or(0);
            let has_columns = holes > 0 && rows >= COLUMN_ROWS_MIN;
            layout.templates.push(Template { holes, rows, column: has_columns.then_some(layout.columns) });
            if has_columns {
                layout.columns += holes;
            } else {
                layout.others = layout.others.saturating_add(holes.saturating_mul(rows));
            }
        }
        layout
    }
}

/// Whether wherever this part is in a text, none of it is in a hole, whatever the case of
/// its letters. There is no decimal digit in it, which every hole has, so that only its
/// first and last words could be the end and the beginning of hexadecimal digits.
pub fn stands_outside_of_holes(part: &str) -> bool {
    let bytes = part.as_bytes();
    let may_be_cut_digits = |word: &[u8]| !word.is_empty() && word.iter().all(u8::is_ascii_hexdigit);
    let mut words = bytes.split(|byte| !is_of_word(*byte));
    let first = words.next().unwrap_or_default();
    let last = words.next_back().unwrap_or_default();
    !bytes.iter().any(|byte| byte.is_ascii_digit() || byte.is_ascii_control())
        && !may_be_cut_digits(first)
        && !may_be_cut_digits(last)
}

/// Texts of templates that are not kept come back empty.
pub(super) fn decode(
    mut cursor: Cursor<'_>,
    rows: usize,
    keeps: &dyn Fn(&str) -> bool,
) -> Result<Strings, Corrupt> {
    let count = cursor.at_most(rows)?;
    let templates = cursor.block()?;
    // No other kinds: templates within templates could nest without end.
    if !matches!(templates.first(), Some(&(JOINED | PHRASES))) {
        return Err(cursor.corrupt());
    }
    let templates = decode_distinct(templates, count, &|_| true)?;
    let skipped: Vec<Option<Holes>> =
        templates.iter().map(|text| (!keeps(text)).then(|| Holes::of(text))).collect();
    let codes = numbers::decode::<u32>(cursor.block()?, rows)?;
    let template_of_row = places(&codes, count)?;
    let mut nibbles = Nibbles { bytes: cursor.block()?, at: 0 };
    let layout = Layout::new(templates.iter(), &template_of_row);
    let mut columns = Vec::new();
    // Each column takes a byte at least: a long template of holes reserves nothing.
    if layout.columns > cursor.clone().rest().len() {
        return Err(Corrupt(WHAT));
    }
    let own = layout.templates.iter().zip(&skipped).filter(|(template, _)| template.column.is_some());
    for (template, skipped) in own {
        for _ in 0..template.holes {
            let column = cursor.block()?;
            let is_read = skipped.is_none();
            let numbers = if is_read { numbers::decode::<u64>(column, template.rows)? } else { vec![] };
            columns.push(numbers.into_iter());
        }
    }
    let mut others = numbers::decode::<u64>(cursor.block()?, layout.others)?.into_iter();
    cursor.finish()?;
    let mut strings = Strings::default();
    for &place in &template_of_row {
        let mut column = layout.templates[place as usize].column;
        if let Some(holes) = &skipped[place as usize] {
            nibbles.at = nibbles.at.saturating_add(holes.nibbles);
            if column.is_none() && holes.numbers > 0 {
                others.nth(holes.numbers - 1);
            }
            strings.ends.push(strings.text.len() as u32);
            continue;
        }
        let mut next_number = || {
            let Some(number) = column.as_mut() else { return others.next() };
            *number += 1;
            columns[*number - 1].next()
        };
        fill(templates.get(place as usize), &mut next_number, &mut nibbles, &mut strings.text)?;
        // A long template may come in every row, so that bytes alone bound nothing.
        if strings.text.len() > UNPACKED_BYTES_MAX {
            return Err(Corrupt(WHAT));
        }
        strings.ends.push(strings.text.len() as u32);
    }
    Ok(strings)
}

/// The template of each row, if the codes name no other than those that there are.
fn places(codes: &[u32], count: usize) -> Result<Vec<u32>, Corrupt> {
    let mut known = 0;
    let place = |&code: &u32| {
        let place = code.checked_sub(1).unwrap_or_else(|| {
            known += 1;
            known - 1
        });
        if (place as usize) < count { Ok(place) } else { Err(Corrupt(WHAT)) }
    };
    codes.iter().map(place).collect()
}

/// What a template takes to be filled.
struct Holes {
    numbers: usize,
    nibbles: usize,
}

impl Holes {
    fn of(template: &str) -> Self {
        let mut holes = Self { numbers: 0, nibbles: 0 };
        let mut letters = template.chars();
        while let Some(letter) = letters.next() {
            match letter {
                NUMBER => holes.numbers += 1,
                HEX => holes.nibbles += letters.next().map_or(0, |length| length as usize),
                _ => {}
            }
        }
        holes
    }
}

struct Nibbles<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Nibbles<'_> {
    fn digit(&mut self) -> Option<char> {
        let byte = *self.bytes.get(self.at / 2)?;
        let nibble = byte >> (4 * (self.at % 2)) & 15;
        self.at += 1;
        char::from_digit(nibble.into(), 16)
    }
}

fn fill(
    template: &str,
    next_number: &mut impl FnMut() -> Option<u64>,
    nibbles: &mut Nibbles<'_>,
    text: &mut String,
) -> Result<(), Corrupt> {
    let mut rest = template;
    while let Some(hole) = rest.find([NUMBER, HEX]) {
        text.push_str(&rest[..hole]);
        let mut after = rest[hole..].chars();
        if after.next() == Some(NUMBER) {
            put_decimal(text, next_number().ok_or(Corrupt(WHAT))?);
        } else {
            for _ in 0..after.next().ok_or(Corrupt(WHAT))? as u32 {
                text.push(nibbles.digit().ok_or(Corrupt(WHAT))?);
            }
        }
        rest = after.as_str();
    }
    text.push_str(rest);
    Ok(())
}

/// As `write!` would, without its machinery: a page has tens of thousands of numbers.
fn put_decimal(text: &mut String, mut number: u64) {
    let mut digits = [b'0'; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    digits[start..].iter().for_each(|&digit| text.push(digit.into()));
}

//! Whether a template can become a text that has a certain part, judged before its holes
//! are filled.

use super::templates::{HEX, NUMBER, NUMBER_DIGITS_MAX};

/// A part of a text, ASCII case ignored. Of a long one only the beginning is looked for.
#[derive(Clone, Debug)]
pub struct Needle {
    /// For each byte the places of the part where it fits, as bits.
    places: Box<[u64; 256]>,
    decimal: u64,
    hexadecimal: u64,
    /// The bit of the last place.
    last: u64,
}

const LENGTH_MAX: usize = 64;

impl Needle {
    pub fn new(part: &str) -> Self {
        let part = &part.as_bytes()[..part.len().min(LENGTH_MAX)];
        let mut places = Box::new([0; 256]);
        for (place, byte) in part.iter().enumerate() {
            places[usize::from(byte.to_ascii_lowercase())] |= 1 << place;
            places[usize::from(byte.to_ascii_uppercase())] |= 1 << place;
        }
        let any_of = |bytes: &[u8]| bytes.iter().fold(0, |all, byte| all | places[usize::from(*byte)]);
        let (decimal, hexadecimal) = (any_of(b"0123456789"), any_of(b"0123456789abcdef"));
        let last = part.len().checked_sub(1).map_or(0, |last| 1 << last);
        Self { places, decimal, hexadecimal, last }
    }

    /// Never false for a template of which a text has the part. This is the Shift-And
    /// algorithm (Baeza-Yates and Gonnet, 1992): bit n is set while the first n + 1 bytes of
    /// the part fit what was just read.
    pub(super) fn may_be_in(&self, template: &str) -> bool {
        if self.last == 0 {
            return true;
        }
        let mut fitting = 0_u64;
        let mut bytes = template.bytes();
        while let Some(byte) = bytes.next() {
            if byte == NUMBER as u8 {
                let mut digits = 0;
                for _ in 0..NUMBER_DIGITS_MAX {
                    fitting = (fitting << 1 | 1) & self.decimal;
                    digits |= fitting;
                }
                // The number may have ended after each of its digits.
                fitting = digits;
                if digits & self.last != 0 {
                    return true;
                }
            } else if byte == HEX as u8 {
                for _ in 0..bytes.next().unwrap_or(0) {
                    fitting = (fitting << 1 | 1) & self.hexadecimal;
                    if fitting & self.last != 0 {
                        return true;
                    }
                }
            } else {
                fitting = (fitting << 1 | 1) & self.places[usize::from(byte)];
                if fitting & self.last != 0 {
                    return true;
                }
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_template_can_become_is_known() {
        for (part, template, expected) in [
            ("rate limit", "a Rate LIMIT b", true),
            ("rate limits", "a rate limit", false),
            ("took 15 ms", "took \0 ms", true),
            ("took ab ms", "took \0 ms", false),
            ("5 m", "took \0 ms", true),
            ("15", "\0", true),
            ("key=12ab", "key=\u{1}\u{8}.", true),
            ("key=12xy", "key=\u{1}\u{8}.", false),
            ("ab.", "key=\u{1}\u{8}.", true),
            ("123456789", "\u{1}\u{8}", false),
            ("", "x", true),
        ] {
            assert_eq!(Needle::new(part).may_be_in(template), expected, "{part} in {template:?}");
        }
    }
}

//! Takes secrets and tricks out of text that comes from agents and models.
//!
//! Every text that is taken over passes [`clean`] (or [`name`]) before it is kept, shown or
//! logged: secrets are replaced, control and direction-changing characters become visible
//! escapes, and the length is bounded.

use std::fmt::Write;

use redaction::redact;

/// Stored input and output of tools, prompts and error texts.
pub const TEXT_BYTES_MAX: usize = 4 * 1024;
/// Names and titles.
pub const NAME_CHARS_MAX: usize = 120;

/// Looked at before cutting, so that a secret across the cut is still recognised.
const LOOKED_AT_BYTES_MAX: usize = 16 * 1024;

/// Text that is safe to keep and show: redacted, without invisible characters, bounded.
pub fn clean(text: &str) -> String {
    let visible = visible(&redact(head(text, LOOKED_AT_BYTES_MAX)));
    match head(&visible, TEXT_BYTES_MAX) {
        whole if whole.len() == visible.len() => visible,
        cut => format!("{cut}…"),
    }
}

/// The same as [`clean`], in one line of at most [`NAME_CHARS_MAX`] characters.
pub fn name(text: &str) -> String {
    shorten(&clean(text.trim()), NAME_CHARS_MAX)
}

/// At most `chars_max` characters; a cut is marked.
pub fn shorten(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    let head: String = text.chars().take(chars_max.saturating_sub(1)).collect();
    format!("{head}…")
}

/// The first `bytes_max` bytes, cut between characters.
fn head(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

/// Control characters, and characters that reorder or hide others, as escapes. Tabs and line
/// ends read as spaces.
fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\t' => out.push(' '),
            '\r' => {}
            _ if is_deceptive(character) => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
            }
            _ => out.push(character),
        }
    }
    out
}

fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(clean(text), expected);
    }

    #[test]
    fn secrets_are_taken_out() {
        let cleaned = clean("use sk-ant-api03-abcdefghijkl now");
        assert!(cleaned.starts_with("use [redacted:provider:") && cleaned.ends_with("] now"), "{cleaned}");
    }

    #[test]
    fn invisible_and_reordering_characters_are_shown() {
        check("a\u{202e}b\u{7}c", "a\\u{202e}b\\u{7}c");
        check("two\nlines", "two lines");
    }

    #[test]
    fn length_is_bounded() {
        assert!(clean(&"é".repeat(10_000)).len() <= TEXT_BYTES_MAX + "…".len());
        assert_eq!(name(&"x".repeat(500)).chars().count(), NAME_CHARS_MAX);
    }
}

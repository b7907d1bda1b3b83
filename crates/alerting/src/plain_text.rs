//! Text from outside, made harmless before it reaches a person.
//!
//! Labels, titles and reasons come from agents and their programs. They must not be able to
//! break a header, colour a terminal, turn the direction of writing, or grow without end.

/// One line without control characters.
pub(crate) fn single_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { visible(c) }).collect::<String>().trim().to_owned()
}

/// Lines without control characters but their ends.
pub(crate) fn lines(text: &str) -> String {
    let shown = |c: char| if c.is_control() && c != '\n' { ' ' } else { visible(c) };
    text.replace("\r\n", "\n").chars().map(shown).collect::<String>().trim().to_owned()
}

/// Characters that turn the direction of writing, and separators that mail and terminals
/// take for line ends, are shown as a replacement character.
fn visible(c: char) -> char {
    match c {
        '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2028}'
        | '\u{2029}'
        | '\u{feff}' => '\u{fffd}',
        c => c,
    }
}

/// At most `bytes_max` bytes, ending in `…` when something was cut off.
pub(crate) fn cut(text: &str, bytes_max: usize) -> String {
    const ELLIPSIS: &str = "…";
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(bytes_max.saturating_sub(ELLIPSIS.len()));
    format!("{}{ELLIPSIS}", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_cannot_become_two() {
        assert_eq!(single_line("a\r\nBcc: eve\u{2028}b\u{1b}[31m"), "a  Bcc: eve\u{fffd}b [31m");
    }

    #[test]
    fn lines_stay_lines_and_lose_the_rest() {
        assert_eq!(lines("a\r\nb\u{7}\u{202e}c\n"), "a\nb \u{fffd}c");
    }

    #[test]
    fn a_cut_is_seen_and_never_splits_a_character() {
        assert_eq!(cut("üüüü", 8), "üüüü");
        assert_eq!(cut("üüüüü", 8), "üü…");
    }
}

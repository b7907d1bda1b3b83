//! How a text is cut into words: the same on writing a filter and on asking it.
//!
//! A word is a longest run of letters and digits, where those are what
//! [`char::is_alphanumeric`] says (Unicode; an underscore is none). ASCII letters are
//! lower-cased, all others stay as they are. Words shorter than [`CHARS_MIN`] characters are
//! left out: nearly every page has them.
//!
//! A search for a phrase may ask for each of its words. A search for a *part* of a text may
//! ask only for words that cannot be the end of a longer one: see [`whole_words`].

use std::borrow::Cow;

/// Words of one character are in every page and would tell nothing.
pub const CHARS_MIN: usize = 2;

/// The words of a text, in order, repetitions included.
pub fn words(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    text.split(is_between_words).filter(|word| is_long_enough(word)).map(lower_case)
}

/// The words that every text has that contains `part`: the first and the last run of letters
/// and digits are left out where they touch the end, for there the text may go on.
pub fn whole_words(part: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let inner = part.find(is_between_words).zip(part.rfind(is_between_words));
    words(inner.map_or("", |(first, last)| &part[first..last]))
}

fn is_between_words(letter: char) -> bool {
    !letter.is_alphanumeric()
}

fn is_long_enough(word: &str) -> bool {
    word.chars().nth(CHARS_MIN - 1).is_some()
}

fn lower_case(word: &str) -> Cow<'_, str> {
    if word.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(word.to_ascii_lowercase())
    } else {
        Cow::Borrowed(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(words(text).collect::<Vec<_>>().join(" "), expected);
    }

    #[test]
    fn a_text_is_cut_at_everything_but_letters_and_digits() {
        check("Tool `bash` FAILED: exit_code=17, a 3.5 s", "tool bash failed exit code 17");
        check("grün ÄRGER naïve 東京", "grün ÄrGER naïve 東京".replace("ÄrGER", "Ärger").as_str());
        check("", "");
    }

    #[test]
    fn a_part_of_a_text_has_only_its_inner_words() {
        let found: Vec<_> = whole_words("ash failed: exit 1").collect();
        assert_eq!(found, ["failed", "exit"]);
        assert_eq!(whole_words("failed").count(), 0);
        assert_eq!(whole_words(" failed ").collect::<Vec<_>>(), ["failed"]);
    }
}

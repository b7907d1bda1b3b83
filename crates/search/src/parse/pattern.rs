//! Stars and regular expressions.

use regex::{Regex, RegexBuilder};

use crate::expression::Text;

/// Compiled, it takes no more than this; `(a{1000}){1000}` is refused.
const COMPILED_BYTES_MAX: usize = 1 << 20;

pub fn anywhere(source: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(source).size_limit(COMPILED_BYTES_MAX).build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "the regular expression is too large".to_owned(),
        // The last line of its message says what is wrong; those before draw where.
        other => format!("not a regular expression: {}", last_line(&other.to_string())),
    })
}

fn last_line(message: &str) -> &str {
    message.lines().last().unwrap_or_default().trim_start_matches("error: ")
}

pub fn whole(source: &str) -> Result<Regex, String> {
    // Checked by itself, so that it cannot leave the parentheses.
    anywhere(source)?;
    anywhere(&format!("^(?s:{source})$"))
}

/// With `*` for anything.
pub fn stars(text: &str) -> Result<Regex, String> {
    whole(&text.split('*').map(regex::escape).collect::<Vec<_>>().join(".*"))
}

/// What a bare word means: a word if it is one, a beginning or an end with a star, and
/// otherwise a part of the text.
pub fn text(bare: &str) -> Result<Text, String> {
    let is_word = |text: &str| storage::words(text).eq([text]);
    if is_word(bare) {
        return Ok(Text::Word(bare.to_owned()));
    }
    if !bare.contains('*') {
        return Ok(Text::Part(bare.to_owned()));
    }
    if bare.chars().all(|c| c == '*') {
        return Err("a star needs something beside it".to_owned());
    }
    let inner = bare.split('*').map(regex::escape).collect::<Vec<_>>().join(r"\w*");
    let begins = if bare.starts_with('*') { "" } else { r"(?:^|\W)" };
    let ends = if bare.ends_with('*') { "" } else { r"(?:\W|$)" };
    anywhere(&format!("(?i){begins}{inner}{ends}")).map(Text::Pattern)
}

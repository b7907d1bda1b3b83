//! What a word is. Engines keep filters of words, so all of them must cut alike.

/// The words of a text: the longest runs of letters, digits and `_` (Unicode's), of any
/// length. Compared without regard to ASCII case.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !(letter.is_alphanumeric() || letter == '_')).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_at_everything_that_is_no_letter_or_digit() {
        let found: Vec<&str> = words("rate-limit: 429 (tool_call \"grüße\") a1b2…").collect();
        assert_eq!(found, ["rate", "limit", "429", "tool_call", "grüße", "a1b2"]);
        assert_eq!(words(" -- ").count(), 0);
    }
}

//! An error and its causes in one line.

use std::error::Error;

/// `failed to open the state database: file is not a database`. A cause that the text before it
/// tells already, as those of libraries often do, is left out.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !told.contains(&text) {
            told.push_str(": ");
            told.push_str(&text);
        }
        cause = error.source();
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_is_told_once() {
        for (texts, expected) in [
            (
                ["the disk is full", "cannot write", "saving failed"],
                "saving failed: cannot write: the disk is full",
            ),
            (
                ["the disk is full", "io: the disk is full", "saving failed"],
                "saving failed: io: the disk is full",
            ),
            (["no", "no", "no"], "no"),
        ] {
            let [innermost, middle, outer] = texts;
            let error = anyhow::Error::msg(innermost).context(middle).context(outer);
            assert_eq!(chain(error.as_ref()), expected);
        }
    }
}

//! Names of people: shown, logged and compared, so short and without surprises.

/// As an error says it: "must be …".
pub const USER_NAME_RULE: &str = "1 to 64 letters, digits, or any of `._-@`";

pub(crate) const USER_NAME_BYTES_MAX: usize = 64;

/// Whether a person may be called this.
pub fn is_user_name(name: &str) -> bool {
    let is_harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte);
    (1..=USER_NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_harmless)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_can_be_typed_shown_and_logged() {
        for name in ["ada", "ada.l@example.com", "A-1_b"] {
            assert!(is_user_name(name), "{name}");
        }
        let long = "a".repeat(65);
        for name in ["", " ada", "ada l", "<script>", "a\nb", "ädä", long.as_str()] {
            assert!(!is_user_name(name), "{name:?}");
        }
    }
}

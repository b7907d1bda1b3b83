//! Text whose escapes name bytes.
//!
//! `"\xc3\xa9"` is the two bytes of `é`. The grammar reads every such escape as a letter of
//! its own, so literals that have one are read again here.

/// What a string literal means; nothing when its bytes are no text. `read` is what the
/// grammar made of it.
pub fn restored(read: &str, literal: Option<&str>) -> Option<String> {
    match literal {
        Some(literal) if !literal.starts_with('`') && has_byte_escape(literal) => {
            String::from_utf8(bytes(literal)?).ok()
        }
        _ => Some(read.to_owned()),
    }
}

fn has_byte_escape(literal: &str) -> bool {
    let mut bytes = literal.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'\\' && bytes.next().is_some_and(|kind| matches!(kind, b'x' | b'0'..=b'7')) {
            return true;
        }
    }
    false
}

fn bytes(literal: &str) -> Option<Vec<u8>> {
    let inner = literal.get(1..literal.len().checked_sub(1)?)?;
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        rest = unescaped(rest.get(at + 1..)?, &mut bytes)?;
    }
    bytes.extend_from_slice(rest.as_bytes());
    Some(bytes)
}

/// Reads one escape after its backslash and returns what follows it.
fn unescaped<'a>(text: &'a str, bytes: &mut Vec<u8>) -> Option<&'a str> {
    let kind = text.chars().next()?;
    let (digits, radix) = match kind {
        'x' => (text.get(1..3)?, 16),
        '0'..='7' => (text.get(..3)?, 8),
        'u' => (text.get(1..5)?, 16),
        'U' => (text.get(1..9)?, 16),
        _ => {
            let plain = match kind {
                'a' => '\u{7}',
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'v' => '\u{b}',
                other => other,
            };
            bytes.extend_from_slice(plain.encode_utf8(&mut [0; 4]).as_bytes());
            return text.get(kind.len_utf8()..);
        }
    };
    let code = u32::from_str_radix(digits, radix).ok()?;
    if matches!(kind, 'u' | 'U') {
        bytes.extend_from_slice(char::from_u32(code)?.encode_utf8(&mut [0; 4]).as_bytes());
    } else {
        bytes.push(u8::try_from(code).ok()?);
    }
    text.get(digits.len() + usize::from(!kind.is_ascii_digit())..)
}

#[cfg(test)]
mod tests {
    use super::restored;

    #[test]
    fn escaped_bytes_together_make_letters() {
        assert_eq!(restored("", Some(r#""caf\xc3\xa9 \303\251\n""#)).as_deref(), Some("café é\n"));
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        assert_eq!(restored("", Some(r#""a\xc5z""#)), None);
        assert_eq!(restored("", Some(r#""\x""#)), None);
    }

    #[test]
    fn what_has_no_bytes_is_left_as_read() {
        assert_eq!(restored("a\nb", Some(r#""a\nb""#)).as_deref(), Some("a\nb"));
        assert_eq!(restored(r"\xc5", Some(r"`\xc5`")).as_deref(), Some(r"\xc5"));
    }
}

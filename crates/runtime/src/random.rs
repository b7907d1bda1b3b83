//! Chance: unguessable bytes for secrets, fractions for jitter.
#![expect(clippy::disallowed_methods, reason = "this is the front door to chance")]

use rand::Rng;

/// Bytes from the operating system's generator, by way of a cryptographic one.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}

/// A number in `0.0..1.0`.
pub fn fraction() -> f64 {
    // 53 bits: what a double can hold exactly.
    (u64::from_le_bytes(bytes()) >> 11) as f64 / (1u64 << 53) as f64
}

//! Small numbers in few bytes, texts, and compression: the alphabet of all our formats.
//!
//! Reading never panics and never reserves more than the bytes at hand can justify: the
//! bytes may be damaged although their checksum fits.
//!
//! ```text
//! uint    LEB128: seven bits a byte, lowest first, the top bit says that more follow
//! int     the uint of its zigzag: 0, -1, 1, -2, 2 ...
//! text    uint length, UTF-8
//! block   uint length, bytes
//! packed  0, the bytes as they are
//!       | 1, uint length when unpacked, a zstd frame
//! ```

use std::cell::RefCell;

/// zstd's default is its best trade for data that is written once and read seldom.
const ZSTD_LEVEL: i32 = 3;

/// For what is read at most once and soon removed.
const ZSTD_LEVEL_FAST: i32 = 1;

/// Shorter payloads stay as they are: a zstd header would eat the gain.
const PACK_BYTES_MIN: usize = 64;

/// The most that a packed payload may unfold to; who packs more could not read it again.
pub const UNPACKED_BYTES_MAX: usize = 256 << 20;

/// zstd's densest block: 128 KiB of one byte repeated, said in four bytes.
const ZSTD_EXPANSION_MAX: usize = 32 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} does not decode")]
pub struct Corrupt(pub &'static str);

pub fn put_uint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Zigzag: small numbers of either sign stay short.
pub fn put_int(out: &mut Vec<u8>, value: i64) {
    put_uint(out, ((value << 1) ^ (value >> 63)) as u64);
}

pub fn put_text(out: &mut Vec<u8>, text: &str) {
    put_block(out, text.as_bytes());
}

/// Bytes that say how many they are, so that another encoding can follow.
pub fn put_block(out: &mut Vec<u8>, block: &[u8]) {
    put_uint(out, block.len() as u64);
    out.extend_from_slice(block);
}

/// Reads what the `put_` functions wrote.
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    rest: &'a [u8],
    /// What is read, for the error.
    what: &'static str,
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { rest: bytes, what }
    }

    pub fn take(&mut self, len: usize) -> Result<&'a [u8], Corrupt> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(Corrupt(self.what))?;
        self.rest = rest;
        Ok(taken)
    }

    pub fn array<const LEN: usize>(&mut self) -> Result<[u8; LEN], Corrupt> {
        self.take(LEN)?.try_into().map_err(|_| Corrupt(self.what))
    }

    pub fn byte(&mut self) -> Result<u8, Corrupt> {
        Ok(self.array::<1>()?[0])
    }

    pub fn uint(&mut self) -> Result<u64, Corrupt> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Corrupt(self.what))
    }

    pub fn int(&mut self) -> Result<i64, Corrupt> {
        let zigzag = self.uint()?;
        Ok((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
    }

    /// A number of things of which each takes at least one byte.
    pub fn count(&mut self) -> Result<usize, Corrupt> {
        self.at_most(self.rest.len())
    }

    /// A number that a limit of ours bounds.
    pub fn at_most(&mut self, limit: usize) -> Result<usize, Corrupt> {
        let count = usize::try_from(self.uint()?).map_err(|_| Corrupt(self.what))?;
        if count <= limit { Ok(count) } else { Err(Corrupt(self.what)) }
    }

    pub fn text(&mut self) -> Result<&'a str, Corrupt> {
        std::str::from_utf8(self.block()?).map_err(|_| Corrupt(self.what))
    }

    pub fn block(&mut self) -> Result<&'a [u8], Corrupt> {
        let len = self.count()?;
        self.take(len)
    }

    pub fn word(&mut self) -> Result<u64, Corrupt> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub fn half(&mut self) -> Result<u32, Corrupt> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// Everything that has not been read yet.
    pub fn rest(self) -> &'a [u8] {
        self.rest
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The end: whatever is left over was not written by us.
    pub fn finish(self) -> Result<(), Corrupt> {
        if self.rest.is_empty() { Ok(()) } else { Err(Corrupt(self.what)) }
    }

    /// The error of these bytes, for checks that the caller makes.
    pub fn corrupt(&self) -> Corrupt {
        Corrupt(self.what)
    }
}

const PLAIN: u8 = 0;
const ZSTD: u8 = 1;

thread_local! {
    /// A context costs more to make than a page to compress, so each thread keeps one.
    static COMPRESSOR: RefCell<zstd::bulk::Compressor<'static>> = RefCell::default();
    static DECOMPRESSOR: RefCell<zstd::bulk::Decompressor<'static>> = RefCell::default();
}

/// Appends `raw`, compressed if that makes it shorter.
pub fn pack(out: &mut Vec<u8>, raw: &[u8]) {
    pack_at(out, raw, ZSTD_LEVEL);
}

/// As [`pack`], faster and a little longer: for what is soon removed.
pub fn pack_fast(out: &mut Vec<u8>, raw: &[u8]) {
    pack_at(out, raw, ZSTD_LEVEL_FAST);
}

fn pack_at(out: &mut Vec<u8>, raw: &[u8], level: i32) {
    match compress(raw, level) {
        Some(compressed) if compressed.len() < raw.len() => {
            out.push(ZSTD);
            put_uint(out, raw.len() as u64);
            out.extend_from_slice(&compressed);
        }
        _ => {
            out.push(PLAIN);
            out.extend_from_slice(raw);
        }
    }
}

fn compress(raw: &[u8], level: i32) -> Option<Vec<u8>> {
    if !(PACK_BYTES_MIN..=UNPACKED_BYTES_MAX).contains(&raw.len()) {
        return None;
    }
    COMPRESSOR.with_borrow_mut(|compressor| {
        compressor.set_compression_level(level).ok()?;
        compressor.compress(raw).ok()
    })
}

pub fn unpack(packed: &[u8], what: &'static str) -> Result<Vec<u8>, Corrupt> {
    let mut cursor = Cursor::new(packed, what);
    match cursor.byte()? {
        PLAIN => Ok(cursor.rest().to_vec()),
        ZSTD => {
            let len = cursor.at_most(UNPACKED_BYTES_MAX)?;
            let frame = cursor.rest();
            if len / ZSTD_EXPANSION_MAX > frame.len() {
                return Err(Corrupt(what));
            }
            let raw = DECOMPRESSOR
                .with_borrow_mut(|decompressor| decompressor.decompress(frame, len))
                .map_err(|_| Corrupt(what))?;
            if raw.len() == len { Ok(raw) } else { Err(Corrupt(what)) }
        }
        _ => Err(Corrupt(what)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_and_texts_come_back(unsigned: u64, signed: i64, text: String) {
            let mut bytes = Vec::new();
            put_uint(&mut bytes, unsigned);
            put_int(&mut bytes, signed);
            put_text(&mut bytes, &text);
            let mut cursor = Cursor::new(&bytes, "it");
            prop_assert_eq!(cursor.uint().unwrap(), unsigned);
            prop_assert_eq!(cursor.int().unwrap(), signed);
            prop_assert_eq!(cursor.text().unwrap(), text);
            prop_assert!(cursor.finish().is_ok());
        }

        #[test]
        fn packed_bytes_come_back_and_damaged_ones_are_an_error_or_bytes(raw: Vec<u8>, at: usize) {
            let raw = raw.repeat(3);
            let mut packed = Vec::new();
            pack(&mut packed, &raw);
            prop_assert_eq!(unpack(&packed, "it").unwrap(), raw);
            let at = at % packed.len();
            packed[at] ^= 0x55;
            // Only that it ends matters here: checksums find the damage.
            drop(unpack(&packed, "it"));
        }

        #[test]
        fn any_bytes_unpack_or_are_corrupt(bytes: Vec<u8>) {
            drop(unpack(&bytes, "it"));
        }
    }

    #[test]
    fn a_count_beyond_the_bytes_is_corrupt() {
        let mut bytes = Vec::new();
        put_uint(&mut bytes, u64::MAX);
        assert_eq!(Cursor::new(&bytes, "it").count(), Err(Corrupt("it")));
    }

    #[test]
    fn an_empty_payload_comes_back() {
        let mut packed = Vec::new();
        pack(&mut packed, &[]);
        assert_eq!(unpack(&packed, "it").unwrap(), []);
    }
}

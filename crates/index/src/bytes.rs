//! Reads the alphabet of `columns::bytes` in the loops that answers are made of.
//!
//! A number here has one byte as a rule and is read some million times a second, so this
//! cursor is inlined and takes one byte at a step; nothing else is different.

pub use columns::Corrupt;
pub use columns::bytes::{put_block, put_uint};

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

    #[inline]
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], Corrupt> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(self.corrupt())?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    pub fn byte(&mut self) -> Result<u8, Corrupt> {
        let (byte, rest) = self.rest.split_first().ok_or(self.corrupt())?;
        self.rest = rest;
        Ok(*byte)
    }

    #[inline]
    pub fn uint(&mut self) -> Result<u64, Corrupt> {
        match self.rest {
            // Nearly all of them, so this is worth a path of its own.
            [byte, rest @ ..] if *byte < 0x80 => {
                self.rest = rest;
                Ok(u64::from(*byte))
            }
            _ => self.long_uint(),
        }
    }

    fn long_uint(&mut self) -> Result<u64, Corrupt> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(self.corrupt())
    }

    /// A number that a limit of ours bounds.
    #[inline]
    pub fn at_most(&mut self, limit: usize) -> Result<usize, Corrupt> {
        let count = usize::try_from(self.uint()?).map_err(|_| self.corrupt())?;
        if count <= limit { Ok(count) } else { Err(self.corrupt()) }
    }

    /// A number of things of which each takes at least one byte.
    #[inline]
    pub fn count(&mut self) -> Result<usize, Corrupt> {
        self.at_most(self.rest.len())
    }

    /// A place in a table: four bytes, lowest first.
    #[inline]
    pub fn offset(&mut self) -> Result<usize, Corrupt> {
        let bytes = self.take(4)?.try_into().map_err(|_| self.corrupt())?;
        Ok(u32::from_le_bytes(bytes) as usize)
    }

    #[inline]
    pub fn block(&mut self) -> Result<&'a [u8], Corrupt> {
        let len = self.count()?;
        self.take(len)
    }

    pub fn text(&mut self) -> Result<&'a str, Corrupt> {
        std::str::from_utf8(self.block()?).map_err(|_| self.corrupt())
    }

    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub fn corrupt(&self) -> Corrupt {
        Corrupt(self.what)
    }
}

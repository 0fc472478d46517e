//! Gzip without compression: the bytes depend on RFC 1951 and RFC 1952 alone, on no compressor and on none of its versions.
//!
//! A layer's digest has to be the same on every machine and after every upgrade. What `flate2` writes depends on its back end,
//! which any crate in the build can switch, and on that back end's release. Plain tar layers would be as stable, but gzip is
//! what every registry and Lambda are known to take. The price is a larger blob; Lambda stores images in a form of its own.

use std::io::{self, Write};

use flate2::Crc;

/// The most that one stored block holds (RFC 1951, section 3.2.4).
const BLOCK_BYTES: usize = 65_535;

/// No flags, no time, no name; the operating system is "unknown" (RFC 1952, section 2.3).
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// Wraps what is written into stored blocks. The end is only written by [`StoredGzip::finish`].
pub(crate) struct StoredGzip<W> {
    inner: W,
    block: Vec<u8>,
    checksum: Crc,
}

impl<W: Write> StoredGzip<W> {
    pub fn new(mut inner: W) -> io::Result<StoredGzip<W>> {
        inner.write_all(&HEADER)?;
        Ok(StoredGzip { inner, block: Vec::with_capacity(BLOCK_BYTES), checksum: Crc::new() })
    }

    pub fn finish(mut self) -> io::Result<W> {
        self.write_block(true)?;
        self.inner.write_all(&self.checksum.sum().to_le_bytes())?;
        // The length is kept modulo 2^32, as the format wants it.
        self.inner.write_all(&self.checksum.amount().to_le_bytes())?;
        Ok(self.inner)
    }

    fn write_block(&mut self, last: bool) -> io::Result<()> {
        let length = u16::try_from(self.block.len()).map_err(io::Error::other)?;
        self.inner.write_all(&[u8::from(last)])?;
        self.inner.write_all(&length.to_le_bytes())?;
        self.inner.write_all(&(!length).to_le_bytes())?;
        self.inner.write_all(&self.block)?;
        self.block.clear();
        Ok(())
    }
}

impl<W: Write> Write for StoredGzip<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.block.len() == BLOCK_BYTES {
            self.write_block(false)?;
        }
        let count = bytes.len().min(BLOCK_BYTES - self.block.len());
        self.block.extend_from_slice(&bytes[..count]);
        self.checksum.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        // Blocks are cut by length alone: cutting them where somebody flushes would make the bytes depend on that.
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    fn stored(pieces: &[&[u8]]) -> Vec<u8> {
        let mut gzip = StoredGzip::new(Vec::new()).expect("writing to memory");
        for piece in pieces {
            gzip.write_all(piece).expect("writing to memory");
            gzip.flush().expect("writing to memory");
        }
        gzip.finish().expect("writing to memory")
    }

    #[test]
    fn what_was_written_can_be_read_at_any_length_around_a_block() {
        for length in [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 3 * BLOCK_BYTES] {
            let data: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
            let mut read = Vec::new();
            GzDecoder::new(stored(&[&data]).as_slice()).read_to_end(&mut read).expect("a gzip stream");
            assert!(read == data, "{length} bytes");
        }
    }

    #[test]
    fn the_bytes_do_not_depend_on_how_they_came() {
        let data = vec![7; 200_000];
        assert!(stored(&[&data]) == stored(&[&data[..1], &data[1..70_000], &data[70_000..]]));
    }
}

//! The file of a backup: sections one after the other, then a manifest that names each with its hash, then a seal
//! under the passphrase.
//!
//! ```text
//! magic 8; per section: 1, name length u16, name, chunks; 0, manifest as chunks, seal length u32, seal
//! chunks: (length u32, bytes)*, 0 u32; integers big-endian
//! ```
//!
//! It is written front to back without knowing any length beforehand, so a backup needs no memory of its size. An
//! archive of a common kind would want each length first, and the journal's is not known before it is copied.

use std::io::{self, Read, Write};

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::admin::Failure;
use crate::seal::{Seal, random_32};

const MAGIC: &[u8; 8] = b"EVTHRBK\x01";

/// Bytes gathered into one chunk.
const CHUNK: usize = 256 * 1024;

/// A manifest is a list of files; larger ones are not ours.
const MANIFEST_BYTES_MAX: u64 = 256 << 20;

/// Stands before the manifest's hash, so that the seal can't be taken for the wrapped key.
const SEALED: &[u8] = b"everthread backup manifest ";

/// Cost of a guess at the passphrase: 64 MiB and three passes, tenths of a second.
const KDF: Kdf = Kdf { memory_kib: 64 * 1024, passes: 3, lanes: 1 };

/// What a backup holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// Version of the file's form.
    pub version: u32,
    /// Version of the program that wrote it.
    pub program: String,
    /// `sqlite` or `postgres`.
    pub engine: String,
    pub created_at: String,
    /// How far the journal was applied in the database, as the store writes it down.
    pub cursor: Option<String>,
    pub counts: std::collections::BTreeMap<String, i64>,
    pub key: Wrapped,
    pub sections: Vec<Section>,
}

/// One section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Section {
    pub name: String,
    pub bytes: u64,
    pub sha256: String,
}

/// The key file, sealed under a key that is derived from the passphrase (Argon2id).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Wrapped {
    #[serde(flatten)]
    kdf: Kdf,
    salt: String,
    sealed: String,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Kdf {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Kdf {
    fn derive(self, passphrase: &str, salt: &[u8]) -> Result<Seal, Failure> {
        // A file from elsewhere must not make us take all memory.
        if self.memory_kib > 1024 * 1024 || self.passes > 32 || self.lanes > 16 {
            return Err(damaged("its passphrase settings are out of range"));
        }
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(32))
            .map_err(|e| damaged(&format!("its passphrase settings are not valid: {e}")))?;
        let mut key = [0; 32];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.as_bytes(), salt, &mut key)
            .map_err(Failure::from_display)?;
        Ok(Seal::from_key(key))
    }
}

impl Wrapped {
    /// Wraps `key`; also the seal that the passphrase stands for.
    pub(super) fn wrap(key: &[u8], passphrase: &str) -> Result<(Self, Seal), Failure> {
        let salt = random_32();
        let seal = KDF.derive(passphrase, &salt)?;
        let wrapped = Self { kdf: KDF, salt: BASE64.encode(salt), sealed: BASE64.encode(seal.seal(key)) };
        Ok((wrapped, seal))
    }

    /// The key, where the passphrase is the right one.
    pub(super) fn open(&self, passphrase: &str) -> Result<(Vec<u8>, Seal), Failure> {
        let bytes = |text: &str| BASE64.decode(text).map_err(|_| damaged("its key is not readable"));
        let seal = self.kdf.derive(passphrase, &bytes(&self.salt)?)?;
        let key = seal
            .open(&bytes(&self.sealed)?)
            .map_err(|_| Failure("the passphrase is not the one this backup was made with".into()))?;
        Ok((key, seal))
    }
}

/// Says that a file can't be used.
pub(super) fn damaged(what: &str) -> Failure {
    Failure(format!(
        "the backup is damaged or not complete ({what}); nothing was restored. Take another copy"
    ))
}

/// Writes a backup.
pub(super) struct Writer<W: Write> {
    out: W,
    sections: Vec<Section>,
}

impl<W: Write> Writer<W> {
    /// Begins a file.
    pub(super) fn new(mut out: W) -> io::Result<Self> {
        out.write_all(MAGIC)?;
        Ok(Self { out, sections: Vec::new() })
    }

    /// Adds a section: what `fill` writes.
    pub(super) fn section<T>(
        &mut self,
        name: &str,
        fill: impl FnOnce(&mut dyn Write) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let length =
            u16::try_from(name.len()).map_err(|_| Failure(format!("the name {name:?} is too long")))?;
        self.out.write_all(&[1]).map_err(unwritten)?;
        self.out.write_all(&length.to_be_bytes()).map_err(unwritten)?;
        self.out.write_all(name.as_bytes()).map_err(unwritten)?;
        let mut chunks = Chunks::new(&mut self.out);
        let done = fill(&mut chunks)?;
        let (bytes, hash) = chunks.end().map_err(unwritten)?;
        self.sections.push(Section { name: name.to_owned(), bytes, sha256: hex(&hash) });
        Ok(done)
    }

    /// Adds the manifest, with its sections filled in, and the seal over it.
    pub(super) fn finish(mut self, mut manifest: Manifest, seal: &Seal) -> Result<(W, Manifest), Failure> {
        manifest.sections = self.sections;
        let text = serde_json::to_vec(&manifest).map_err(Failure::from_display)?;
        let write = |out: &mut W| -> io::Result<()> {
            out.write_all(&[0])?;
            let mut chunks = Chunks::new(&mut *out);
            chunks.write_all(&text)?;
            chunks.end()?;
            let seal = seal.seal(&to_seal(&text));
            out.write_all(&(seal.len() as u32).to_be_bytes())?;
            out.write_all(&seal)
        };
        write(&mut self.out).map_err(unwritten)?;
        Ok((self.out, manifest))
    }
}

pub(super) fn unwritten(error: io::Error) -> Failure {
    Failure(format!("the backup can't be written: {error}"))
}

fn to_seal(manifest: &[u8]) -> Vec<u8> {
    [SEALED, Sha256::digest(manifest).as_slice()].concat()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |text, byte| text + &format!("{byte:02x}"))
}

/// Bytes in chunks, with their hash.
struct Chunks<W: Write> {
    out: W,
    buffer: Vec<u8>,
    bytes: u64,
    hash: Sha256,
}

impl<W: Write> Chunks<W> {
    fn new(out: W) -> Self {
        Self { out, buffer: Vec::with_capacity(CHUNK), bytes: 0, hash: Sha256::new() }
    }

    fn put(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.out.write_all(&(self.buffer.len() as u32).to_be_bytes())?;
        self.out.write_all(&self.buffer)?;
        self.hash.update(&self.buffer);
        self.bytes += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    fn end(mut self) -> io::Result<(u64, Vec<u8>)> {
        self.put()?;
        self.out.write_all(&0_u32.to_be_bytes())?;
        Ok((self.bytes, self.hash.finalize().to_vec()))
    }
}

impl<W: Write> Write for Chunks<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(CHUNK - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        if self.buffer.len() == CHUNK {
            self.put()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads a backup.
pub(super) struct Reader<R: Read> {
    from: R,
    seen: Vec<Section>,
}

impl<R: Read> Reader<R> {
    /// Begins; fails where this is no backup.
    pub(super) fn new(mut from: R) -> Result<Self, Failure> {
        let mut magic = [0; 8];
        if from.read_exact(&mut magic).is_err() || magic != *MAGIC {
            return Err(Failure("this is not a backup of everthread (or of a newer version)".into()));
        }
        Ok(Self { from, seen: Vec::new() })
    }

    /// Gives the next section to `take`; false where there is none left. What `take` leaves is read over.
    pub(super) fn section(
        &mut self,
        take: impl FnOnce(&str, &mut dyn Read) -> Result<(), Failure>,
    ) -> Result<bool, Failure> {
        if read_array::<1>(&mut self.from)? == [0] {
            return Ok(false);
        }
        let length = u16::from_be_bytes(read_array(&mut self.from)?);
        let mut name = vec![0; usize::from(length)];
        self.from.read_exact(&mut name).map_err(|_| damaged("it ends early"))?;
        let name = String::from_utf8(name).map_err(|_| damaged("a name is not text"))?;
        let mut body = Body::new(&mut self.from);
        take(&name, &mut body)?;
        let (bytes, hash) = body.end()?;
        self.seen.push(Section { name, bytes, sha256: hex(&hash) });
        Ok(true)
    }

    /// The manifest and its seal; fails where the sections are not those it names.
    pub(super) fn finish(mut self) -> Result<(Manifest, Proof), Failure> {
        let mut text = Vec::new();
        let mut body = Body::new(&mut self.from);
        let read = (&mut body).take(MANIFEST_BYTES_MAX).read_to_end(&mut text);
        read.map_err(|_| damaged("it ends early"))?;
        body.end()?;
        let length = u32::from_be_bytes(read_array(&mut self.from)?);
        let mut seal = Vec::new();
        let read = (&mut self.from).take(u64::from(length)).read_to_end(&mut seal);
        if read.is_err() || seal.len() as u64 != u64::from(length) {
            return Err(damaged("it ends early"));
        }
        if self.from.read(&mut [0]).map_err(|e| damaged(&e.to_string()))? != 0 {
            return Err(damaged("something follows its end"));
        }
        let manifest: Manifest =
            serde_json::from_slice(&text).map_err(|_| damaged("its manifest is not readable"))?;
        if manifest.version != 1 {
            return Err(Failure(format!(
                "the backup has form {} and this program knows form 1; update everthread",
                manifest.version
            )));
        }
        if let Some((_, wrong)) = manifest.sections.iter().zip(&self.seen).find(|(want, got)| want != got) {
            return Err(damaged(&format!("{} is not as it was written", wrong.name)));
        }
        if manifest.sections.len() != self.seen.len() {
            return Err(damaged("a section is missing"));
        }
        Ok((manifest, Proof { expected: to_seal(&text), seal }))
    }
}

/// That the manifest was written by somebody who knew the passphrase.
pub(super) struct Proof {
    expected: Vec<u8>,
    seal: Vec<u8>,
}

impl Proof {
    /// Checks it.
    pub(super) fn check(&self, seal: &Seal) -> Result<(), Failure> {
        match seal.open(&self.seal) {
            Ok(text) if text == self.expected => Ok(()),
            _ => Err(damaged("its manifest was changed after it was made")),
        }
    }
}

fn read_array<const N: usize>(from: &mut impl Read) -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes).map_err(|_| damaged("it ends early"))?;
    Ok(bytes)
}

/// The bytes of chunks, with their hash.
struct Body<R: Read> {
    from: R,
    /// Left of the present chunk.
    left: usize,
    over: bool,
    bytes: u64,
    hash: Sha256,
}

impl<R: Read> Body<R> {
    fn new(from: R) -> Self {
        Self { from, left: 0, over: false, bytes: 0, hash: Sha256::new() }
    }

    /// Reads what is left over.
    fn end(mut self) -> Result<(u64, Vec<u8>), Failure> {
        io::copy(&mut self, &mut io::sink()).map_err(|_| damaged("it ends early"))?;
        Ok((self.bytes, self.hash.finalize().to_vec()))
    }
}

impl<R: Read> Read for Body<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !self.over {
            let mut length = [0; 4];
            self.from.read_exact(&mut length)?;
            self.left = u32::from_be_bytes(length) as usize;
            self.over = self.left == 0;
        }
        if self.over || into.is_empty() {
            return Ok(0);
        }
        let wanted = into.len().min(self.left);
        let got = self.from.read(&mut into[..wanted])?;
        if got == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.hash.update(&into[..got]);
        self.bytes += got as u64;
        self.left -= got;
        Ok(got)
    }
}

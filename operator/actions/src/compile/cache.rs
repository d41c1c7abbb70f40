//! Machine code on disk, from one start of a server to the next.
//!
//! One file for each component, `<digest of the component>-<engine>.cwasm`: a header with a seal, then the code. A file is opened once and read once; what
//! is checked is what is loaded. Nothing about it is trusted but the seal. A file is complete or not there: it is written under another name and renamed.
//! Reading may fail and writing may fail: both are told in the log and cost time, not actions.

mod folder;
mod key;

use std::{
    fs::{self, DirBuilder, File},
    hash::{Hash, Hasher},
    io::{self, ErrorKind, Read, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use aws_lc_rs::hmac;
use sha2::{Digest, Sha256};
use wasmtime::Engine;

use super::machine_code::{Identity, MachineCode, Seal};
use crate::{limits, source::Sha};

pub use key::{CacheKey, InvalidKey};

/// What an entry begins with.
const MAGIC: [u8; 8] = *b"LATEENMC";

/// Format of an entry. Another number is another format, and compiled again.
const VERSION: u32 = 1;

/// Magic, version, seal.
const HEADER: usize = MAGIC.len() + size_of::<u32>() + size_of::<Seal>();

/// The folder of ours in the one that is given: that one may be a volume, whose rights are not ours to set.
const FOLDER: &str = "item-actions";

/// Where machine code is kept.
#[derive(Debug, Clone)]
pub struct CacheOptions {
    /// A folder, which is made if it is not there. The cache makes one in it that only its owner can enter.
    pub folder: PathBuf,
    /// The key of the installation.
    pub key: CacheKey,
    /// Bytes of all files together; the ones that were not used for longest go first.
    pub capacity: u64,
}

impl CacheOptions {
    /// A cache of the usual size.
    pub fn new(folder: impl Into<PathBuf>, key: CacheKey) -> Self {
        Self { folder: folder.into(), key, capacity: limits::COMPILE_CACHE }
    }
}

/// An open cache.
pub(super) struct Cache {
    folder: PathBuf,
    key: hmac::Key,
    capacity: u64,
    compatibility: Sha,
}

/// What the cache has.
pub(super) enum Found {
    /// No entry.
    Nothing,
    /// Code that we made.
    Code(MachineCode),
    /// An entry that is not what it should be, and why.
    Unsound(String),
}

impl Cache {
    /// Makes the folder and removes what other engines left there.
    pub(super) fn open(options: CacheOptions, engine: &Engine) -> Self {
        let cache = Self {
            folder: options.folder.join(FOLDER),
            key: options.key.for_hmac(),
            capacity: options.capacity,
            compatibility: compatibility(engine),
        };
        let mut builder = DirBuilder::new();
        let made =
            fs::create_dir_all(&options.folder).and_then(|()| builder.mode(0o700).create(&cache.folder));
        match made {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                tracing::warn!(folder = %cache.folder.display(), %error, "cannot make the folder of compiled item actions");
            }
            _ => folder::remove_foreign(&cache.folder, &cache.suffix()),
        }
        cache
    }

    /// Reads the entry of a component and checks it.
    pub(super) fn get(&self, digest: &Sha) -> Found {
        let path = self.path(digest);
        let (seal, code) = match read(&path) {
            Ok(Entry::Sealed(seal, code)) => (seal, code),
            Ok(Entry::Odd(problem)) => return Found::Unsound(problem.to_owned()),
            Err(error) if error.kind() == ErrorKind::NotFound => return Found::Nothing,
            Err(error) => return Found::Unsound(error.to_string()),
        };
        match MachineCode::open(&self.key, self.identity(digest), &seal, code) {
            Some(code) => Found::Code(code),
            None => {
                Found::Unsound("the seal is not that of this installation, component and engine".to_owned())
            }
        }
    }

    /// Keeps the code of a component.
    pub(super) fn put(&self, digest: &Sha, code: &MachineCode) {
        let size = (HEADER + code.bytes().len()) as u64;
        if size > self.capacity {
            return;
        }
        if let Err(error) = self.write(digest, code) {
            let path = self.path(digest);
            tracing::warn!(file = %path.display(), %error, "cannot keep the compiled component; it is compiled again after a restart");
        }
        folder::remove_oldest(&self.folder, self.capacity);
    }

    /// Removes an entry that is not sound.
    pub(super) fn discard(&self, digest: &Sha, problem: &str) {
        let path = self.path(digest);
        tracing::warn!(file = %path.display(), problem, "compiled component thrown away, it is compiled again");
        folder::remove(&path);
    }

    fn write(&self, digest: &Sha, code: &MachineCode) -> io::Result<()> {
        let seal = code.seal(&self.key, self.identity(digest));
        // Its mode is 0600.
        let mut file = tempfile::Builder::new().prefix(folder::INCOMING).tempfile_in(&self.folder)?;
        file.write_all(&MAGIC)?;
        file.write_all(&VERSION.to_le_bytes())?;
        file.write_all(&seal)?;
        file.write_all(code.bytes())?;
        file.persist(self.path(digest))?;
        Ok(())
    }

    fn identity<'a>(&'a self, digest: &'a Sha) -> Identity<'a> {
        Identity { version: VERSION, digest, compatibility: &self.compatibility }
    }

    fn path(&self, digest: &Sha) -> PathBuf {
        self.folder.join(format!("{}{}", hex::encode(digest), self.suffix()))
    }

    /// What the names of this engine's entries end in. The seal binds them to the whole hash.
    fn suffix(&self) -> String {
        format!("-{}.{}", hex::encode(&self.compatibility[..8]), folder::EXTENSION)
    }
}

/// The contents of a file.
enum Entry {
    Sealed(Seal, Vec<u8>),
    Odd(&'static str),
}

fn read(path: &Path) -> io::Result<Entry> {
    // Opening a pipe would wait for somebody who writes.
    if !fs::symlink_metadata(path)?.is_file() {
        return Ok(Entry::Odd("it is not a file"));
    }
    let mut file = File::open(path)?;
    let mut header = [0; HEADER];
    match file.read_exact(&mut header) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(Entry::Odd("it is cut off")),
        read => read?,
    }
    let (magic, rest) = header.split_at(MAGIC.len());
    let (version, seal) = rest.split_at(size_of::<u32>());
    if magic != MAGIC || version != VERSION.to_le_bytes() {
        return Ok(Entry::Odd("it has another format"));
    }
    let mut code = Vec::new();
    // One more than the limit, to tell the largest from too large.
    (&mut file).take(limits::COMPILE_CODE + 1).read_to_end(&mut code)?;
    if code.len() as u64 > limits::COMPILE_CODE {
        return Ok(Entry::Odd("it is too large"));
    }
    // The time of the last use. Where it cannot be set, entries go by their age.
    let _ = file.set_modified(SystemTime::now());
    let mut sealed = Seal::default();
    sealed.copy_from_slice(seal);
    Ok(Entry::Sealed(sealed, code))
}

/// A digest of everything that decides whether code fits an engine: version, settings, processor.
fn compatibility(engine: &Engine) -> Sha {
    let mut hasher = DigestHasher(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.0.finalize().into()
}

/// A hasher whose whole digest can be had: std's gives 64 bits, and promises nothing from one build to the next.
struct DigestHasher(Sha256);

impl Hasher for DigestHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest: Sha = self.0.clone().finalize().into();
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        u64::from_le_bytes(first)
    }
}

//! Archives of backups, whole and in memory: those of tests are small.

use std::io::Read as _;

use anyhow::{Context as _, Result};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

/// One entry, as the archive has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its path, as it is written.
    pub path: String,
    /// Its mode bits.
    pub mode: u32,
    /// Whether it is a plain file.
    pub is_file: bool,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// The entries of a gzipped archive, in their order.
pub fn entries(archive: &[u8]) -> Result<Vec<Entry>> {
    let mut archive = tar::Archive::new(GzDecoder::new(archive));
    let mut entries = Vec::new();
    for entry in archive.entries().context("read the archive")? {
        let mut entry = entry.context("read the archive's next entry")?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).with_context(|| format!("read {path}"))?;
        let mode = entry.header().mode().with_context(|| format!("read the mode of {path}"))?;
        let is_file = entry.header().entry_type().is_file();
        entries.push(Entry { path, mode, is_file, content });
    }
    Ok(entries)
}

/// A gzipped archive of plain files. Paths go in as they are: what a careful program would refuse to write is what tests need.
pub fn pack(files: &[(&str, &[u8])]) -> Result<Vec<u8>> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        builder.append(&header, *content).with_context(|| format!("append {path}"))?;
    }
    let encoder = builder.into_inner().context("end the archive")?;
    encoder.finish().context("end the compressed stream")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_out_again_paths_unchecked() {
        let packed = pack(&[("../a.json", b"{}"), ("/etc/b", b"two")]).unwrap();
        let found: Vec<(String, Vec<u8>)> =
            entries(&packed).unwrap().into_iter().map(|entry| (entry.path, entry.content)).collect();
        assert_eq!(found, [("../a.json".into(), b"{}".to_vec()), ("/etc/b".into(), b"two".to_vec())]);
        entries(&packed[..packed.len() / 2]).unwrap_err();
    }
}

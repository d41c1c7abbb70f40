//! One entry of a tar stream, as Velero writes it: a regular file with mode 0755 and no owner; a name that the plain header cannot hold
//! goes into attributes (pax) in front of it.

use std::io::{self, Write};

/// Mode of every file in an archive.
pub(super) const MODE: u32 = 0o755;

/// Bytes of the two parts that a plain header holds a path in.
const NAME_BYTES: usize = 100;
const PREFIX_BYTES: usize = 155;

/// Writes an entry. The path is written as it is: whoever calls has checked that it leads nowhere else.
pub(super) fn append(
    tar: &mut tar::Builder<impl Write>,
    path: &str,
    content: &[u8],
    mtime: u64,
) -> io::Result<()> {
    let header = header(tar, path, content.len() as u64, MODE, mtime)?;
    tar.append(&header, content)
}

/// The header of an entry, after the attributes that it needs were written.
pub(super) fn header(
    tar: &mut tar::Builder<impl Write>,
    path: &str,
    size: u64,
    mode: u32,
    mtime: u64,
) -> io::Result<tar::Header> {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(mtime);
    header.set_size(size);
    let parts = split(path).filter(|_| path.is_ascii());
    if parts.is_none() {
        tar.append_pax_extensions([("path", path.as_bytes())])?;
    }
    if let Some(fields) = header.as_ustar_mut() {
        // Behind attributes the name is for readers that do not know them.
        let (prefix, name) = parts.unwrap_or_else(|| ("", &path[..path.floor_char_boundary(NAME_BYTES)]));
        fields.name[..name.len()].copy_from_slice(name.as_bytes());
        fields.prefix[..prefix.len()].copy_from_slice(prefix.as_bytes());
    }
    header.set_cksum();
    Ok(header)
}

/// A path in the two parts of a plain header, which stand for `prefix/name`; none if it is too long for that.
fn split(path: &str) -> Option<(&str, &str)> {
    if path.len() <= NAME_BYTES {
        return Some(("", path));
    }
    // Of the prefixes that fit, the longest: it leaves the shortest name.
    let longest = path.floor_char_boundary(PREFIX_BYTES + 1);
    let (prefix, name) = path.split_at_checked(path[..longest].rfind('/')?)?;
    let name = &name[1..];
    (!prefix.is_empty() && !name.is_empty() && name.len() <= NAME_BYTES).then_some((prefix, name))
}

//! Archives as they are, and as somebody with bad intentions or a broken disk makes them.

mod hostile;
mod mutations;
mod written;

use flate2::Compression;
use flate2::write::GzEncoder;
use lateen_core::kind::{GroupResource, ObjectName};

use super::*;
use crate::archive_entries::ATTRIBUTES_LIMIT;

const LONG: usize = 200;

fn item(name: &str) -> String {
    format!(r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{name}","namespace":"a"}}}}"#)
}

fn tarball(write: impl FnOnce(&mut tar::Builder<GzEncoder<Vec<u8>>>)) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    write(&mut builder);
    builder.into_inner().unwrap().finish().unwrap()
}

fn append(builder: &mut tar::Builder<GzEncoder<Vec<u8>>>, path: &str, content: &str) {
    let mut header = tar::Header::new_ustar();
    header.set_size(content.len() as u64);
    header.set_mode(0o755);
    builder.append_data(&mut header, path, content.as_bytes()).unwrap();
}

/// A header with exactly these bytes as its path, which the tar library would not write.
fn append_raw(
    builder: &mut tar::Builder<GzEncoder<Vec<u8>>>,
    path: &str,
    entry_type: tar::EntryType,
    content: &str,
) {
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_entry_type(entry_type);
    header.set_size(content.len() as u64);
    header.set_cksum();
    builder.append(&header, content.as_bytes()).unwrap();
}

async fn unpack_chunks(chunks: Vec<Result<Bytes, StoreError>>, limits: Limits) -> Result<Spool, SpoolError> {
    let scratch = tempfile::tempdir().unwrap();
    let builder = IndexBuilder::new(Selection::All, limits);
    Spool::unpack(futures::stream::iter(chunks).boxed(), builder, scratch.path()).await
}

async fn read(archive: &[u8]) -> Result<Spool, SpoolError> {
    let chunks = archive.chunks(100).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    unpack_chunks(chunks, Limits::default()).await
}

fn config_map(name: &str) -> (GroupResource, ObjectName) {
    (GroupResource::parse("configmaps"), ObjectName::new(Some("a"), name))
}

fn whole() -> Vec<u8> {
    tarball(|builder| {
        append(builder, "metadata/version", "1.1.0\n");
        for name in ["one", "two", &"n".repeat(LONG)] {
            append(builder, &format!("resources/configmaps/namespaces/a/{name}.json"), &item(name));
            append(
                builder,
                &format!("resources/configmaps/v1-preferredversion/namespaces/a/{name}.json"),
                &item(name),
            );
        }
    })
}

#[tokio::test]
async fn items_are_found_again_by_name() {
    let spool = read(&whole()).await.unwrap();
    assert_eq!(spool.index().len(), 3);
    for name in ["one", "two", &"n".repeat(LONG)] {
        let (kind, object) = config_map(name);
        let location = spool.index().find(&kind, &object).unwrap();
        assert_eq!(spool.item(location).await.unwrap(), item(name).as_bytes());
    }
}

#[tokio::test]
async fn names_in_pax_attributes_count() {
    let name = "p".repeat(LONG);
    let path = format!("resources/configmaps/namespaces/a/{name}.json");
    let archive = tarball(|builder| {
        builder.append_pax_extensions([("path", path.as_bytes()), ("mtime", b"1")]).unwrap();
        append_raw(builder, "cut-off", tar::EntryType::Regular, &item(&name));
    });
    let (kind, object) = config_map(&name);
    assert!(read(&archive).await.unwrap().index().find(&kind, &object).is_some());
}

#[tokio::test]
async fn half_an_archive_is_none() {
    let archive = whole();
    for cut in [0, 5, archive.len() / 2, archive.len() - 4] {
        let error = read(&archive[..cut]).await.unwrap_err();
        assert!(matches!(error, SpoolError::Unreadable(_)), "cut at {cut}: {error:?}");
    }
    assert!(read(b"this is not an archive").await.unwrap_err().is_about_the_archive());
}

#[tokio::test]
async fn paths_that_escape_refuse_the_archive_wherever_they_stand() {
    let escape = "resources/../../etc/cron.d/x";
    let plain = tarball(|builder| {
        append(builder, "resources/configmaps/namespaces/a/one.json", &item("one"));
        append_raw(builder, escape, tar::EntryType::Regular, "x");
    });
    let link = tarball(|builder| append_raw(builder, "/etc", tar::EntryType::Symlink, ""));
    let pax = tarball(|builder| {
        builder.append_pax_extensions([("path", escape.as_bytes())]).unwrap();
        append_raw(
            builder,
            "resources/configmaps/namespaces/a/one.json",
            tar::EntryType::Regular,
            &item("one"),
        );
    });
    let gnu = tarball(|builder| {
        append_raw(builder, "././@LongLink", tar::EntryType::GNULongName, &format!("{escape}\0"));
        append_raw(
            builder,
            "resources/configmaps/namespaces/a/one.json",
            tar::EntryType::Regular,
            &item("one"),
        );
    });
    for archive in [plain, link, pax, gnu] {
        let error = read(&archive).await.unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(
            source.starts_with("invalid archive path ") && source.ends_with("escapes target directory"),
            "{source}"
        );
    }
}

#[tokio::test]
async fn sizes_are_not_believed() {
    let huge_name = tarball(|builder| {
        append_raw(
            builder,
            "././@LongLink",
            tar::EntryType::GNULongName,
            &"x".repeat(ATTRIBUTES_LIMIT as usize + 1),
        );
    });
    assert!(read(&huge_name).await.is_err());
    let small = Limits { item_bytes: 10, ..Limits::default() };
    let error = unpack_chunks(vec![Ok(whole().into())], small).await.unwrap_err();
    assert!(matches!(error, SpoolError::Refused(ArchiveError::LargeItem { .. })), "{error:?}");
}

#[tokio::test]
async fn a_lost_connection_is_told_as_such() {
    let archive = whole();
    let lost = StoreError::NotFound { key: "backups/b/b.tar.gz".into() };
    let chunks = vec![Ok(Bytes::copy_from_slice(&archive[..archive.len() / 2])), Err(lost)];
    let error = unpack_chunks(chunks, Limits::default()).await.unwrap_err();
    assert!(!error.is_about_the_archive(), "{error:?}");
}

#[tokio::test]
async fn what_unpacks_to_far_more_than_objects_do_is_refused_on_the_way() {
    // Blanks pack 104 to 1 here, and 98 to 1 with a header for each 64 KiB of them.
    let limits = Limits { ratio: 50, ratio_from: 1 << 20, ..Limits::default() };
    let zeros = " ".repeat(8 << 20);
    // Within an item, within an entry that nobody reads, and in what stands in front of entries.
    let item = tarball(|builder| append(builder, "resources/configmaps/namespaces/a/one.json", &zeros));
    let other = tarball(|builder| append(builder, "README", &zeros));
    let fronts = tarball(|builder| {
        for _ in 0..(8 << 20) / ATTRIBUTES_LIMIT {
            append_raw(builder, "x", tar::EntryType::GNULongName, &zeros[..ATTRIBUTES_LIMIT as usize]);
        }
    });
    for archive in [item, other, fronts] {
        let error = unpack_chunks(vec![Ok(archive.into())], limits).await.unwrap_err();
        let SpoolError::Refused(ArchiveError::Bomb { unpacked, .. }) = error else { panic!("{error:?}") };
        // The packed bytes are read 32 KiB ahead.
        assert!(unpacked < (1 << 20) + 50 * (64 << 10), "noticed after {unpacked} bytes");
    }
}

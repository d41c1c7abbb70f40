//! An author's desk: fixtures, built guests, and a terminal that remembers.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use lateen_kit::{Paint, Screen, main_with};

pub(crate) static STAMP: LazyLock<String> = LazyLock::new(|| guest("stamp"));
pub(crate) static HOSTILE: LazyLock<String> = LazyLock::new(|| guest("hostile"));
pub(crate) static FOREIGN_IMPORT: LazyLock<String> = LazyLock::new(|| guest("foreign-import"));

fn guest(name: &str) -> String {
    lateen_guests::build(name).expect("the guest builds").display().to_string()
}

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) code: u8,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A path among the fixtures.
pub(crate) fn fixture(path: &str) -> String {
    fixtures().join(path).display().to_string()
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/actions")
}

/// One of the published examples, or the folder of all.
pub(crate) fn example(name: &str) -> String {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../actions-wasm/examples/scripts");
    examples.join(name).display().to_string()
}

/// Runs `lateen actions` with these arguments, without colours. What was compiled once serves all tests.
pub(crate) fn tell(args: &[&str]) -> Told {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut screen = Screen { out: &mut out, err: &mut err, paint: Paint(false) };
    let cache = concat!(env!("CARGO_TARGET_TMPDIR"), "/components");
    let code = main_with(["lateen", "--cache-dir", cache].iter().chain(args), &mut screen);
    let text = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).expect("the kit writes UTF-8");
        text.replace(&fixtures().display().to_string(), "FIXTURES")
    };
    Told { code, out: text(out), err: text(err) }
}

/// A copy of a fixture that a test may change.
pub(crate) fn copy(path: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    copy_folder(Path::new(&fixture(path)), folder.path());
    folder
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("create a folder");
    for entry in fs::read_dir(from).expect("a fixture") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copy a file");
        }
    }
}

/// Holds a text against its snapshot.
pub(crate) fn snapshot(name: &str, text: &str) {
    insta::with_settings!({
        snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/../../snapshots/kit"),
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!(name, text);
    });
}

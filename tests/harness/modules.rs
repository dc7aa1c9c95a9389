//! Every file of tests is compiled: nobody would miss one without its line in `main.rs`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// The folders below `tests/` that cargo makes a program of.
fn programs() -> Vec<PathBuf> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut folders = entries(&tests);
    folders.retain(|folder| folder.join("main.rs").exists());
    folders
}

#[test]
fn every_file_is_a_module() {
    let folders = programs();
    assert!(folders.len() > 10, "{folders:?}");
    for folder in folders {
        let main = fs::read_to_string(folder.join("main.rs")).unwrap();
        let lines = main.lines();
        let declared = lines.filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
        let files = entries(&folder);
        let names = files
            .iter()
            .filter(|file| file.extension().is_some_and(|end| end == "rs"))
            .map(|file| file.file_stem().unwrap().to_str().unwrap())
            .filter(|name| *name != "main");
        assert_eq!(
            names.collect::<BTreeSet<_>>(),
            declared.collect::<BTreeSet<_>>(),
            "{folder:?}"
        );
    }
}

/// A test beside the folders would be a program of its own again.
#[test]
fn no_file_is_a_program_of_its_own() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut files = entries(&tests);
    files.retain(|file| file.extension().is_some_and(|end| end == "rs"));
    assert_eq!(files, Vec::<PathBuf>::new());
}

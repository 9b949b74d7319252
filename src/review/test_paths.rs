//! Which files are tests, to judge by their paths.

use super::FileChange;
use crate::git::ChangedFile;

/// Folders that hold tests, in every language that has a habit.
const FOLDERS: [&str; 8] = ["test", "tests", "__tests__", "spec", "specs", "testing", "e2e", "testdata"];

/// Says what happened to a file, and whether it is a test.
pub(super) fn judged(file: ChangedFile) -> FileChange {
    let action = match file.status {
        'A' => "added",
        'D' => "deleted",
        _ => "changed",
    };
    FileChange { action: action.into(), is_test: is_test(&file.path), path: file.path }
}

/// Whether a path is that of a test: it lies in a folder of tests, or its name begins or ends as those of
/// tests do (`test_x.py`, `x_test.go`, `x.spec.ts`, `XTest.java`, `conftest.py`).
fn is_test(path: &str) -> bool {
    let mut components = path.rsplit('/');
    let name = components.next().unwrap_or_default();
    if components.any(|folder| FOLDERS.contains(&folder.to_ascii_lowercase().as_str())) {
        return true;
    }
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let lower = stem.to_ascii_lowercase();
    let is_class = matches!(extension, "java" | "kt" | "cs" | "scala" | "swift" | "php" | "groovy" | "dart")
        && ["Test", "Tests", "Spec", "TestCase"].iter().any(|end| stem.ends_with(end));
    is_class
        || lower.starts_with("test_")
        || ["test", "tests", "conftest"].contains(&lower.as_str())
        || ["_test", "_tests", "_spec", "-test", "-spec", ".test", ".tests", ".spec"]
            .iter()
            .any(|end| lower.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::is_test;

    #[test]
    fn a_test_is_known_by_its_folder_or_by_its_name() {
        for path in [
            "tests/suite.rs",
            "src/__tests__/a.js",
            "pkg/a_test.go",
            "test_a.py",
            "src/a.spec.ts",
            "app/src/main/ATest.java",
            "src/redact/tests.rs",
            "spec/a_spec.rb",
        ] {
            assert!(is_test(path), "{path}");
        }
        for path in
            ["src/latest.rs", "src/contest.py", "docs/testing.md", "src/attestation/a.rs", "Protest.java.txt", ""]
        {
            assert!(!is_test(path), "{path}");
        }
    }
}

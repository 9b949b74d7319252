#![no_main]

use std::io::Write;

// A database is read from a file, so there has to be one.
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(bytes).expect("it can be written");
    git_session_fuzz::parse_file(file.path());
});

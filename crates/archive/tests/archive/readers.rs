//! The files are read by those for whom they are made: pyarrow, pandas and DuckDB.

use std::path::Path;
use std::process::Command;

use disk::RealDisk;

use crate::stand::{folder_archive, metrics, next_day, one_day, one_of_each, store_of};

/// A Python that has pyarrow: the one that `cargo xtask test` names, or any.
#[expect(clippy::disallowed_methods, reason = "a test has no settings")]
fn python() -> Option<String> {
    let named = std::env::var("WATCHKEEPER_PYTHON").ok();
    let python = named.clone().unwrap_or_else(|| "python3".to_owned());
    let has = Command::new(&python).args(["-c", "import pyarrow"]).output();
    let has = has.is_ok_and(|output| output.status.success());
    assert!(has || named.is_none(), "WATCHKEEPER_PYTHON has no pyarrow");
    has.then_some(python)
}

#[tokio::test]
async fn pyarrow_pandas_and_duckdb_read_what_was_archived() {
    let Some(python) = python() else {
        eprintln!(
            "SKIPPED: no python3 with pyarrow is here (`pip install pyarrow pandas duckdb`, \
             then name it in WATCHKEEPER_PYTHON)"
        );
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let store = store_of((0..2000).flat_map(|secs| [one_of_each(secs), metrics(secs)])).await;
    folder_archive(RealDisk, dir.path()).retain(&*store, &one_day(), next_day()).await.unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/archive/read_back.py");
    let output = Command::new(python).arg(script).arg(dir.path().join("archive")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    eprintln!("{said}");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.starts_with("pyarrow "), "{said}");
}

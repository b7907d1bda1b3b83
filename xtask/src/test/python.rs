//! A Python for the tests that do as users do: read the archive, and send by OpenTelemetry.

use std::path::PathBuf;

use crate::{program, repository};

const PACKAGES: [&str; 6] = [
    "pyarrow",
    "pandas",
    "duckdb",
    "opentelemetry-sdk",
    "opentelemetry-exporter-otlp-proto-http",
    "opentelemetry-exporter-otlp-proto-grpc",
];

/// They are there when this can be imported.
const MODULES: &str = "pyarrow, pandas, duckdb, opentelemetry.sdk, \
                       opentelemetry.exporter.otlp.proto.http, opentelemetry.exporter.otlp.proto.grpc";

/// The one that `WATCHKEEPER_PYTHON` names, `python3` if it has the packages, or one of our
/// own beside the build. Without any the test is skipped, and it is said here what it lacks.
pub fn find_or_install() -> Option<PathBuf> {
    let named = std::env::var_os("WATCHKEEPER_PYTHON").map(PathBuf::from);
    let own = repository::target().ok()?.join("python");
    let known = [named, Some(PathBuf::from("python3")), Some(own.join("bin/python"))];
    let found = known.into_iter().flatten().find(|python| has_packages(&python.to_string_lossy()));
    found.or_else(|| install(&own.to_string_lossy())).or_else(|| {
        eprintln!(
            "\ntest: SKIPPED: reading the archive and sending OTLP with {PACKAGES:?}; install them with pip, and name the \
             Python that has them in WATCHKEEPER_PYTHON"
        );
        None
    })
}

fn has_packages(python: &str) -> bool {
    program::output(&[python, "-c", &format!("import {MODULES}")]).is_some()
}

fn install(folder: &str) -> Option<PathBuf> {
    let python = format!("{folder}/bin/python");
    program::output(&["python3", "-m", "venv", folder])?;
    let line = [&[python.as_str(), "-m", "pip", "install", "--quiet"][..], &PACKAGES].concat();
    program::run(program::command(repository::root(), &line)).ok()?;
    has_packages(&python).then(|| PathBuf::from(python))
}

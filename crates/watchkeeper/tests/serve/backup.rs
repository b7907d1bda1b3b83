//! Backups of a running program, and what comes of them.

use crate::program::{Home, eventually, query};

fn said(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[tokio::test]
async fn a_backup_of_a_running_program_is_verified_and_restored() {
    let home = Home::new("");
    let token = home.token("ci", "viewer");
    let mut program = home.start();
    let api = program.ready().await;
    eventually("a sample", async || {
        let data = query(&api, &token, "count({__name__=~\".+\"})").await;
        data["result"].as_array().filter(|rows| !rows.is_empty()).map(|_| ())
    })
    .await;
    let taken = home.run(&["backup", "copy"]);
    assert!(taken.status.success(), "{}", said(&taken));
    assert!(said(&taken).contains("everything up to"), "{}", said(&taken));
    let again = home.run(&["backup", "copy"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(said(&again).contains("is not empty"), "{}", said(&again));
    let inside = home.run(&["backup", "data/copy"]);
    assert_eq!(inside.status.code(), Some(2), "{}", said(&inside));

    for errand in
        [&["store", "check"][..], &["store", "stats"], &["store", "stats", "--json"], &["retention", "plan"]]
    {
        let done = home.run(errand);
        assert!(done.status.success(), "{errand:?}: {}", said(&done));
    }
    let in_use = home.run(&["restore", "copy"]);
    assert_eq!(in_use.status.code(), Some(1));
    assert!(said(&in_use).contains("is in use by process"), "{}", said(&in_use));
    program.signal(rustix::process::Signal::KILL);
    program.ended().await;
    drop(program);

    let verified = home.run(&["backup", "verify", "copy"]);
    assert!(verified.status.success() && said(&verified).contains("copy is whole"), "{}", said(&verified));
    // The token and the samples come along.
    let restored = home.run(&["restore", "copy", "--to", "other"]);
    assert!(restored.status.success(), "{}", said(&restored));
    let mut program = home.start_with(&["--data", "other"], &[]);
    let api = program.ready().await;
    let past = query(&api, &token, "count(count_over_time({__name__=~\".+\"}[1h]))").await;
    assert!(!past["result"].as_array().unwrap().is_empty());
    drop(program);

    // Also of what a killed program has left.
    let taken = home.run(&["backup", "second"]);
    assert!(taken.status.success(), "{}", said(&taken));
    let path = home.path().join("second/state.db");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[5000] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let damaged = home.run(&["backup", "verify", "second"]);
    assert_eq!(damaged.status.code(), Some(1));
    assert!(said(&damaged).starts_with("state.db: "), "{}", said(&damaged));
    let refused = home.run(&["restore", "second", "--to", "third"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(!home.path().join("third").exists());
}

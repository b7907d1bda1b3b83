//! Prometheus' own tool as a client, where it is installed.

use std::process::Output;

use crate::program::{Home, eventually};

/// Runs `promtool query`; None where there is no such tool.
fn promtool(arguments: &[&str]) -> Option<Output> {
    match std::process::Command::new("promtool").arg("query").args(arguments).output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => panic!("promtool could not be run: {error}"),
    }
}

#[tokio::test]
async fn promtool_asks_as_it_asks_prometheus() {
    let home = Home::new("");
    let token = home.token("promtool", "viewer");
    let mut program = home.start();
    let api = program.ready().await;
    // It knows no tokens, but users and passwords.
    let server = api.replacen("http://", &format!("http://promtool:{token}@"), 1);
    let ask = async |arguments: &[&str]| {
        let arguments: Vec<String> = arguments.iter().map(|one| (*one).to_owned()).collect();
        let asked = tokio::task::spawn_blocking(move || {
            promtool(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
        });
        asked.await.unwrap()
    };
    let Some(sum) = ask(&["instant", &server, "1 + 1"]).await else {
        println!("promtool is not installed: not tested with it");
        return;
    };
    assert!(sum.status.success(), "{sum:?}");
    assert!(String::from_utf8_lossy(&sum.stdout).starts_with("scalar: 2 @["), "{sum:?}");

    // The first reading of this machine comes with the first interval.
    eventually("a series of this machine", async || {
        let found = ask(&["series", "--match=node_load1", &server]).await?;
        String::from_utf8_lossy(&found.stdout).contains("node_load1").then_some(())
    })
    .await;
    let names = ask(&["labels", &server, "__name__"]).await.unwrap();
    assert!(String::from_utf8_lossy(&names.stdout).contains("node_load1"), "{names:?}");
    let range = ask(&["range", "--step=15s", &server, "node_load1"]).await.unwrap();
    assert!(String::from_utf8_lossy(&range.stdout).starts_with("node_load1"), "{range:?}");
    let wrong = ask(&["instant", &server, "sum("]).await.unwrap();
    assert!(
        !wrong.status.success() && String::from_utf8_lossy(&wrong.stderr).contains("bad_data"),
        "{wrong:?}"
    );
    let stranger = ask(&["instant", &api, "1"]).await.unwrap();
    assert!(!stranger.status.success(), "{stranger:?}");
}

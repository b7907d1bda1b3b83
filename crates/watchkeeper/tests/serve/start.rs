//! What a start does, and what it says when it cannot be done.

use std::net::TcpListener;

use crate::program::Home;

#[tokio::test]
async fn it_answers_and_prints_a_link_for_the_first_administrator() {
    let home = Home::new("");
    let mut program = home.start();
    let api = program.ready().await;
    let livez = reqwest::get(format!("{api}/livez")).await.unwrap();
    assert!(livez.status().is_success());
    assert!(program.said().contains("/setup?token="), "{}", program.said());
    // Nothing else is told to a stranger.
    let alerts = reqwest::get(format!("{api}/monitoring/production/alerts")).await.unwrap();
    assert_eq!(alerts.status(), 401);
}

#[tokio::test]
async fn without_a_page_no_link_is_printed_that_leads_nowhere() {
    let home = Home::new("");
    let mut program = home.start_with(&[], &[("MONITORING_ENABLE_DASHBOARD", "false")]);
    program.ready().await;
    let said = program.said();
    assert!(said.contains("watchkeeper user create NAME --role admin"), "{said}");
    assert!(!said.contains("/setup?token="), "{said}");
}

#[tokio::test]
async fn an_administrator_can_be_made_without_anybody_watching() {
    let home = Home::new("");
    let mut program = home.start_with(&[], &[("WATCHKEEPER_ADMIN_PASSWORD", "correct horse battery")]);
    let api = program.ready().await;
    assert!(!program.said().contains("/setup?token=") && !program.said().contains("correct horse"));
    let login = reqwest::Client::new()
        .post(format!("{api}/login"))
        .header("content-type", "application/json")
        .body(r#"{"username":"admin","password":"correct horse battery"}"#)
        .send()
        .await
        .unwrap();
    assert!(login.status().is_success(), "{}", login.text().await.unwrap());
}

#[test]
fn a_wrong_configuration_ends_the_start_with_every_reason() {
    let home = Home::new("[agents]\nstalled_after_modell = 3\n[query]\ntimeout = \"soon\"\n");
    let output = home.run(&["serve"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains(
        "agents.stalled_after_modell: there is no such key; did you mean `agents.stalled_after_model`?"
    ));
    assert!(said.contains("query.timeout: must be a duration"), "{said}");
    assert!(!home.path().join("data").exists(), "nothing was begun");
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let home = Home::new("");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let mut program = home.start_with(&["--port", &address.port().to_string()], &[]);
    assert_eq!(program.ended().await, Some(1));
    let said = program.said();
    assert!(said.contains(&address.to_string()) && said.contains("another program uses this port"), "{said}");
}

#[tokio::test]
async fn a_data_directory_in_use_names_its_owner() {
    let home = Home::new("");
    let mut first = home.start();
    first.ready().await;
    let mut second = home.start();
    assert_eq!(second.ended().await, Some(1));
    assert!(second.said().contains("is in use by process"), "{}", second.said());
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_one_is_named() {
    let home = Home::new("");
    std::fs::write(home.path().join("data"), "a file").unwrap();
    let mut program = home.start();
    assert_eq!(program.ended().await, Some(1));
    assert!(program.said().contains("the data directory `./data`"), "{}", program.said());
}

#[test]
fn what_is_switched_off_does_not_start() {
    let home = Home::new("");
    let output = home.command(&["serve"]).env("MONITORING_ENABLED", "false").output().unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("MONITORING_ENABLED"), "{output:?}");
}

//! The short commands.

use crate::program::{Home, query};

#[tokio::test]
async fn a_token_works_until_it_is_revoked() {
    let home = Home::new("");
    let token = home.token("ci", "viewer");
    assert!(token.starts_with("wk_"), "{token}");
    let listed = String::from_utf8(home.run(&["token", "list"]).stdout).unwrap();
    assert!(listed.starts_with("ci  viewer  never expires") && !listed.contains(&token), "{listed}");
    let mut program = home.start();
    let api = program.ready().await;
    query(&api, &token, "1").await;
    drop(program);
    assert!(home.run(&["token", "revoke", "ci"]).status.success());
    let again = home.run(&["token", "revoke", "ci"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("there is no token `ci`"));
    let mut program = home.start();
    let api = program.ready().await;
    let client = reqwest::Client::new();
    let refused = client.get(format!("{api}/api/v1/query?query=1")).bearer_auth(&token).send().await.unwrap();
    assert_eq!(refused.status(), 401);
}

#[test]
fn people_are_added_with_a_role_and_a_password() {
    let home = Home::new("");
    let made =
        home.run_with_input(&["user", "create", "ada", "--role", "operator"], "correct horse battery\n");
    assert!(made.status.success(), "{made:?}");
    let listed = String::from_utf8(home.run(&["user", "list"]).stdout).unwrap();
    assert!(listed.starts_with("ada  operator  since "), "{listed}");
    let short = home.run_with_input(&["user", "set-password", "ada"], "short\n");
    assert_eq!(short.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&short.stderr).contains("at least 12 characters"), "{short:?}");
    assert!(
        home.run_with_input(&["user", "set-password", "ada"], "another long password\n").status.success()
    );
    let odd = home.run_with_input(&["user", "create", " eve", "--role", "viewer"], "another long password\n");
    assert_eq!(odd.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&odd.stderr).contains("` eve` is not a name"), "{odd:?}");
    let unknown = home.run_with_input(&["user", "create", "eve", "--role", "king"], "x\n");
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("`king` is not a role"), "{unknown:?}");
}

#[test]
fn the_configuration_is_checked_and_printed_with_its_sources() {
    let home = Home::new("[alerts.slack]\nwebhook_url = \"https://hooks.example/T0/very-secret\"\n");
    let checked = home.run(&["config", "check"]);
    assert!(checked.status.success(), "{checked:?}");
    assert!(String::from_utf8_lossy(&checked.stdout).starts_with("the configuration is fine"), "{checked:?}");
    let mut print = home.command(&["config", "print", "--set", "query.timeout=10s"]);
    let printed = print.env("MONITORING_RETENTION_DAYS", "7").output().unwrap();
    let text = String::from_utf8(printed.stdout).unwrap();
    let line = |start: &str| text.lines().find(|line| line.starts_with(start)).unwrap_or_default().to_owned();
    assert!(line("retention_days").ends_with("# MONITORING_RETENTION_DAYS"), "{text}");
    assert!(line("timeout").ends_with("# --set"), "{text}");
    assert!(line("webhook_url").contains("watchkeeper.toml:2") && !text.contains("very-secret"), "{text}");
}

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::time::Duration;

use super::*;

/// A start with this file, these variables and these flags.
struct Attempt {
    directory: tempfile::TempDir,
    startup: Startup,
}

fn attempt(file: &str, variables: &[(&str, &str)], flags: &[(&str, &str)]) -> Attempt {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("watchkeeper.toml");
    std::fs::write(&path, file).unwrap();
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let startup = Startup {
        file: Some(path),
        variables: variables.iter().map(pair).collect(),
        flags: flags
            .iter()
            .map(|(key, text)| ("--set".to_owned(), (*key).to_owned(), (*text).to_owned()))
            .collect(),
    };
    Attempt { directory, startup }
}

/// The settings of a start that succeeds.
fn settings(file: &str, variables: &[(&str, &str)], flags: &[(&str, &str)]) -> Settings {
    load(&attempt(file, variables, flags).startup).unwrap().0
}

/// What a start that fails says, without the temporary directory.
fn complaint(file: &str, variables: &[(&str, &str)], flags: &[(&str, &str)]) -> String {
    let attempt = attempt(file, variables, flags);
    let problems = load(&attempt.startup).unwrap_err().to_string();
    problems.replace(&format!("{}/", attempt.directory.path().display()), "")
}

#[test]
fn nothing_configured_is_the_contract() {
    let settings = settings("", &[], &[]);
    assert_eq!(settings.metrics_interval, Duration::from_secs(30));
    assert_eq!(settings.alert_interval, Duration::from_secs(15));
    assert_eq!(settings.listen.api.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.listen.dashboard.map(|at| at.to_string()).as_deref(), Some("0.0.0.0:8083"));
    assert!(settings.recovery.auto && settings.probe);
    assert!(settings.email.is_none() && settings.slack.is_none() && settings.webhook.is_none());
}

#[test]
fn the_administrator_has_a_name_that_can_be_typed() {
    let said = complaint("[admin]\nuser = \"the boss\"\n", &[], &[]);
    assert!(said.contains("admin.user: must be 1 to 64 letters"), "{said}");
}

#[test]
fn an_archive_is_a_folder_or_a_bucket_with_its_keys() {
    assert!(settings("", &[], &[]).archive.is_none());
    let folder = settings("[archive]\nurl = \"/var/archive\"\n", &[], &[]).archive;
    assert!(matches!(folder, Some(Archive::Folder(path)) if path == std::path::Path::new("/var/archive")));
    let file = "[archive]\nurl = \"s3://kept/agents/one\"\naccess_key_id = \"key\"\n";
    let secret = ("WATCHKEEPER_ARCHIVE_SECRET_ACCESS_KEY", "open sesame");
    let Some(Archive::Bucket(bucket)) = settings(file, &[secret], &[]).archive else {
        panic!("it is a bucket")
    };
    assert_eq!((bucket.name.as_str(), bucket.prefix.as_str()), ("kept", "agents/one"));
    assert_eq!((bucket.region.as_str(), bucket.secret_access_key.expose()), ("us-east-1", "open sesame"));
    let said = complaint(file, &[], &[]);
    assert!(said.contains("archive.url: needs archive.access_key_id and"), "{said}");
    let said = complaint(file, &[secret, ("WATCHKEEPER_ARCHIVE_ENDPOINT", "http://127.0.0.1:9000")], &[]);
    assert!(said.contains("archive.endpoint: has no TLS"), "{said}");
    let said = complaint("[archive]\nurl = \"gs://kept\"\n", &[], &[]);
    assert!(said.contains("neither a folder nor"), "{said}");
}

#[test]
fn flags_win_over_the_environment_which_wins_over_the_file() {
    let file = "[monitoring]\nmetrics_interval = 10\nhealth_interval = 11\nalert_interval = \"12s\"\n";
    let variables = [("MONITORING_HEALTH_INTERVAL", "21"), ("MONITORING_ALERT_INTERVAL", "22")];
    let attempt = attempt(file, &variables, &[("monitoring.alert_interval", "32")]);
    let (settings, configuration) = load(&attempt.startup).unwrap();
    let seconds = [settings.metrics_interval, settings.health_interval, settings.alert_interval];
    assert_eq!(seconds.map(|length| length.as_secs()), [10, 21, 32]);
    let origin = |key: &str| configuration.chosen[key].origin.to_string();
    assert!(origin("monitoring.metrics_interval").ends_with("watchkeeper.toml:2"));
    assert_eq!(origin("monitoring.health_interval"), "MONITORING_HEALTH_INTERVAL");
    assert_eq!(origin("monitoring.alert_interval"), "--set");
    assert_eq!(origin("monitoring.retention_days"), "default");
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_match() {
    for (file, said) in [
        (
            "[monitoring]\nmetrics_intervall = 5",
            "monitoring.metrics_intervall: there is no such key; did you mean `monitoring.metrics_interval`? (watchkeeper.toml:2)",
        ),
        (
            "[dashbord]\nport = 1",
            "dashbord: there is no such key; did you mean `dashboard`? (watchkeeper.toml:1)",
        ),
        ("zzz = 1", "zzz: there is no such key (watchkeeper.toml:1)"),
        (
            "[[sources.opencode]]\nurl = \"http://a\"\npasswort = \"x\"",
            "sources.opencode[0].passwort: there is no such key; did you mean `password`? (watchkeeper.toml:3)",
        ),
    ] {
        assert_eq!(complaint(file, &[], &[]), format!("the configuration has a problem: {said}"));
    }
    assert_eq!(
        complaint("", &[("MONITORING_METRIC_INTERVAL", "5")], &[]),
        "the configuration has a problem: MONITORING_METRIC_INTERVAL: there is no such variable; \
         did you mean `MONITORING_METRICS_INTERVAL`? (environment)"
    );
    assert_eq!(
        complaint("", &[], &[("server.prot", "5")]),
        "the configuration has a problem: server.prot: there is no such setting; did you mean `server.port`? (--set)"
    );
}

#[test]
fn a_bad_value_is_named_with_its_key_its_reason_and_its_place() {
    for (file, said) in [
        (
            "[server]\nport = \"x\"",
            "server.port: must be a whole number from 0 to 65535 (watchkeeper.toml:2)",
        ),
        (
            "monitoring.retention_days = 0",
            "monitoring.retention_days: must be a whole number from 1 to 3650 (watchkeeper.toml:1)",
        ),
        ("monitoring.enabled = 1", "monitoring.enabled: must be true or false (watchkeeper.toml:1)"),
        ("server = 1", "server: must be a table (watchkeeper.toml:1)"),
        ("public_url = \"ftp://x\"", "public_url: must be an http or https URL (watchkeeper.toml:1)"),
        (
            "[alerts.email]\nseverities = [\"urgent\"]",
            "alerts.email.severities: `urgent` is not a severity; use critical, high, medium, low, info (watchkeeper.toml:2)",
        ),
    ] {
        assert_eq!(complaint(file, &[], &[]), format!("the configuration has a problem: {said}"));
    }
    assert_eq!(
        complaint("", &[("MONITORING_RETENTION_DAYS", "many")], &[]),
        "the configuration has a problem: MONITORING_RETENTION_DAYS: `many` is not a whole number from 1 to 3650 \
         (environment)"
    );
    assert!(complaint("a = = b", &[], &[]).contains("is not TOML"));
}

#[test]
fn all_problems_are_told_at_once() {
    let file = "[monitoring]\nmetrics_interval = \"soon\"\nspeed = 1\n";
    let said = complaint(file, &[("ALERT_NOBODY", "1")], &[("server.port", "99999")]);
    assert!(said.starts_with("the configuration has 4 problems:\n  monitoring.metrics_interval: "), "{said}");
    let together = [("ALERT_EMAIL_SMTP_HOST", "mail"), ("MONITORING_DASHBOARD_PORT", "8080")];
    let said = complaint("", &together, &[]);
    for key in ["dashboard.port", "alerts.email.from", "alerts.email.to"] {
        assert!(said.contains(&format!("\n  {key}: ")), "{said}");
    }
}

#[test]
fn a_secret_comes_from_a_file_too() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("hook");
    std::fs::write(&path, "https://hooks.example/abc\n").unwrap();
    let path = path.to_str().unwrap();
    let by_environment = settings("", &[("ALERT_SLACK_WEBHOOK_URL_FILE", path)], &[]);
    let by_file = settings(&format!("[alerts.slack]\nwebhook_url_file = '{path}'"), &[], &[]);
    for settings in [by_environment, by_file] {
        assert_eq!(settings.slack.unwrap().webhook_url.expose(), "https://hooks.example/abc");
    }
    let both = [("ALERT_SLACK_WEBHOOK_URL_FILE", path), ("ALERT_SLACK_WEBHOOK_URL", "https://x")];
    assert!(complaint("", &both, &[]).contains("both as a value and as a file"));
    let absent = complaint("", &[("ALERT_SLACK_WEBHOOK_URL_FILE", "/nowhere")], &[]);
    assert!(absent.contains("`/nowhere` cannot be read: No such file"), "{absent}");
}

#[test]
fn secrets_are_never_printed() {
    let secrets = [
        ("ALERT_EMAIL_SMTP_PASSWORD", "hunter2"),
        ("ALERT_EMAIL_SMTP_USER", "me"),
        ("ALERT_SLACK_WEBHOOK_URL", "https://hooks.example/hunter2"),
        ("ALERT_WEBHOOK_URL", "https://x/hunter2"),
        ("ALERT_WEBHOOK_HEADERS", r#"{"Authorization":"Bearer hunter2"}"#),
        ("WATCHKEEPER_ADMIN_PASSWORD", "hunter2hunter2"),
    ];
    let file = "[[sources.opencode]]\nurl = \"http://a:1\"\npassword = \"hunter2\"\n";
    let attempt = attempt(file, &secrets, &[]);
    let (settings, configuration) = load(&attempt.startup).unwrap();
    assert!(!print(&configuration).contains("hunter2"));
    assert!(!format!("{settings:?}").contains("hunter2"));
    assert_eq!(settings.webhook.unwrap().headers["Authorization"].expose(), "Bearer hunter2");
    let said = complaint("", &[("ALERT_SLACK_WEBHOOK_URL", "hunter2")], &[]);
    assert!(said.contains("must be an http or https URL") && !said.contains("hunter2"), "{said}");
    assert!(complaint("", &[], &[("admin.password", "hunter2")]).contains("use WATCHKEEPER_ADMIN_PASSWORD"));
}

#[test]
fn what_is_printed_is_a_file_that_can_be_read_again() {
    let file =
        "[alerts.email]\nto = [\"a@b\"]\n[alerts.webhook]\nurl = \"https://x\"\nheaders = { X-A = \"1\" }\n";
    let text = print(&load(&attempt(file, &[], &[]).startup).unwrap().1);
    assert!(text.contains("[alerts.email]\n") && text.contains("to = [\"a@b\"]"), "{text}");
    let masked = text
        .replace("headers = \"********\"", "headers = {}")
        .replace("url = \"********\"", "url = \"http://x\"");
    settings(&masked, &[], &[]);
}

#[test]
fn sources_are_named_and_need_a_url() {
    let file = "[[sources.opencode]]\nname = \"build\"\nurl = \"http://10.0.0.1:4096\"\n\
                [[sources.opencode]]\nurl = \"http://10.0.0.2:4096\"\nuser = \"me\"\npassword = \"x\"\n";
    let settings = settings(file, &[("WATCHKEEPER_OPENCODE_URL", "http://10.0.0.3:4096")], &[]);
    let names: Vec<_> = settings.sources.iter().map(|source| source.name.as_str()).collect();
    assert_eq!(names, ["build", "10.0.0.2:4096", "10.0.0.3:4096"]);
    assert_eq!(settings.sources[0].user, "opencode");
    assert!(!settings.probe, "a configured installation does not look around");
    assert!(
        complaint("[[sources.opencode]]\nname = \"a\"", &[], &[])
            .contains("sources.opencode[0].url: is missing")
    );
    assert!(
        complaint("[sources.opencode]\nurl = \"http://a\"", &[], &[]).contains("write [[sources.opencode]]")
    );
}

#[test]
fn retention_goes_by_size_and_by_rules_in_the_words_of_promql() {
    let rule = "[[retention.rules]]\nsignal = \"logs\"\nmatch = '{service=\"ci\", level!~\"warn|error\"}'\nage = \"3d\"\n";
    let attempt = attempt(&format!("[retention]\nmax_bytes = \"20GB\"\n{rule}"), &[], &[]);
    let (settings, configuration) = load(&attempt.startup).unwrap();
    assert_eq!(settings.retention.bytes_max, Some(20_000_000_000));
    let [read] = &settings.retention.rules[..] else { panic!("there is one rule") };
    assert_eq!((read.signal, read.matchers.len()), (storage::Signal::Logs, 2));
    assert_eq!(read.age, Duration::from_secs(3 * 86_400));
    assert!(settings.warnings.is_empty());
    let printed = print(&configuration);
    assert!(printed.contains("[[retention.rules]]") && printed.contains("age = \"3d\""), "{printed}");
    self::settings(&printed, &[], &[]);
}

#[test]
fn a_retention_rule_is_refused_with_the_reason() {
    let rule = |signal: &str, selector: &str, age: &str| {
        format!("[[retention.rules]]\nsignal = \"{signal}\"\nmatch = '{selector}'\nage = \"{age}\"\n")
    };
    for (file, said) in [
        (
            rule("metrics", "{a=\"b\"}", "3d"),
            "retention.rules[0].signal: must be one of samples, logs, spans",
        ),
        (rule("logs", "{a=", "3d"), "retention.rules[0].match: `{a=` is not a selector"),
        (rule("logs", "{}", "3d"), "retention.rules[0].match: `{}` is not a selector"),
        (rule("logs", "rate(x[5m])", "3d"), "without a range or an offset"),
        (rule("logs", "{a=\"b\"}", "3h"), "retention.rules[0].age: must be a duration from 1d to 3650d"),
        ("[[retention.rules]]\nsignal = \"logs\"\nages = 3\n".to_owned(), "did you mean"),
        ("[retention]\nrules = 1\n".to_owned(), "write [[retention.rules]]"),
    ] {
        let complaint = complaint(&file, &[], &[]);
        assert!(complaint.contains(said), "{complaint}");
    }
    let idle = settings(&rule("logs", "{a=\"b\"}", "30d"), &[], &[]);
    assert!(idle.warnings[0].contains("has no effect"), "{:?}", idle.warnings);
}

#[test]
fn services_announced_by_kubernetes_are_not_mistakes() {
    settings(
        "",
        &[("MONITORING_SERVICE_HOST", "10.0.0.1"), ("WATCHKEEPER_PORT", "tcp://10.0.0.1:8080")],
        &[],
    );
    settings("", &[("MONITORING_PORT_8080_TCP_ADDR", "10.0.0.1"), ("ALERT_EMAIL_TO", "")], &[]);
}

#[test]
fn every_setting_is_documented() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
    let text = std::fs::read_to_string(path).unwrap();
    for setting in SETTINGS {
        let row = text.lines().find(|line| line.starts_with(&format!("| `{}` |", setting.key)));
        let row = row.unwrap_or_else(|| panic!("{} is not documented", setting.key));
        assert!(row.contains(&format!("`{}`", setting.variable)), "{row}");
        if let Some(default) = setting.default.filter(|text| !text.is_empty()) {
            assert!(row.contains(&format!("`{default}`")), "{row}");
        }
    }
    for key in sources::KEYS.map(|key| key.name) {
        assert!(text.contains(&format!("| `{key}` |")), "sources.opencode.{key} is not documented");
    }
    for key in retention::KEYS.map(|key| key.name) {
        assert!(text.contains(&format!("| `{key}` |")), "retention.rules.{key} is not documented");
    }
}

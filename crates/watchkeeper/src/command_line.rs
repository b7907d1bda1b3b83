//! The command line: commands from the types below, flags of settings from the catalogue.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::config::{SETTINGS, Setting, Startup};

/// What was asked for, and what was said about settings.
#[derive(Debug)]
pub struct Asked {
    pub command: Command,
    pub startup: Startup,
}

#[derive(Debug, Parser)]
#[command(
    name = "watchkeeper",
    version,
    about = "Watches AI agents and the machine that they run on, wakes a person, frees what is stuck",
    after_help = "Every setting: docs/configuration.md and `watchkeeper config print`.\n\
                  Exit code: 0 done, 1 failed, 2 asked wrongly (command line or configuration)."
)]
struct Line {
    #[command(subcommand)]
    command: Option<Command>,
    /// Configuration file [otherwise: ./watchkeeper.toml, /etc/watchkeeper/watchkeeper.toml]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Any setting, by its key in the file; may be repeated
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = key_and_value)]
    set: Vec<(String, String)>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Watch (the default)
    Serve,
    /// Look at the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// API tokens for programs
    #[command(subcommand)]
    Token(TokenCommand),
    /// People who may log in
    #[command(subcommand)]
    User(UserCommand),
    /// Copy everything that is kept, whether a server runs or not, or verify such a copy
    Backup(Backup),
    /// Verify a backup and copy it into an empty data directory
    Restore {
        /// The backup
        #[arg(value_name = "SRC")]
        source: PathBuf,
        /// The new data directory [otherwise: the configured one]
        #[arg(long, value_name = "DIR")]
        to: Option<PathBuf>,
    },
    /// Look at the files of the store, whether a server runs or not
    #[command(subcommand)]
    Store(StoreCommand),
    /// Look at rule files
    #[command(subcommand)]
    Rules(RulesCommand),
    /// What is given up by age and size
    #[command(subcommand)]
    Retention(RetentionCommand),
    /// Say which version this is
    Version,
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub enum ConfigCommand {
    /// Say whether it can be started with
    Check,
    /// Show every setting with where its value comes from; secrets are masked
    Print,
}

#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token; it is shown once
    Create(NewToken),
    /// Names, roles, expiry; never the tokens themselves
    List,
    /// Make a token worthless
    Revoke { name: String },
}

#[derive(Debug, Args)]
pub struct NewToken {
    /// By which it is listed and revoked
    #[arg(long)]
    pub name: String,
    /// admin, operator, viewer or executive
    #[arg(long)]
    pub role: String,
    /// Permissions to narrow the role to; may be repeated
    #[arg(long = "scope", value_name = "PERMISSION")]
    pub scopes: Vec<String>,
    /// Time until it is worthless, such as 30d [otherwise: never]
    #[arg(long, value_name = "DURATION")]
    pub expires: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Add a person; the password is asked for, or read from the standard input
    Create {
        name: String,
        /// admin, operator, viewer or executive
        #[arg(long)]
        role: String,
    },
    /// Names and roles
    List,
    /// Set a new password and end all of the person's sessions
    SetPassword { name: String },
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Backup {
    #[command(subcommand)]
    pub command: Option<BackupCommand>,
    /// Directory for the copy; it must be empty or not exist
    #[arg(value_name = "DEST", required = true)]
    pub destination: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum BackupCommand {
    /// Say whether a backup is what was taken; exit code 1 and the names of bad files if not
    Verify {
        #[arg(value_name = "DEST")]
        backup: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Read every byte; exit code 1 and what is affected if something is damaged
    Check,
    /// Rows and bytes by table and day, the largest streams and labels
    Stats {
        /// As one JSON object
        #[arg(long)]
        json: bool,
        /// How many of the largest streams and labels
        #[arg(long, value_name = "N", default_value_t = 10)]
        top: usize,
    },
}

#[derive(Debug, Subcommand)]
pub enum RulesCommand {
    /// Say whether they would be accepted; exit code 1 and what is wrong if not
    Check {
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
    /// Run tests of rules in promtool's format; exit code 1 and every difference if one fails
    Test {
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub enum RetentionCommand {
    /// Show what would be dropped now and why; nothing is dropped
    Plan,
}

/// Ends the process with a message when the line makes no sense.
pub fn read() -> Asked {
    let matches = with_setting_flags(Line::command()).get_matches();
    let line = Line::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let own_flags = setting_flags(&matches);
    let set = line.set.into_iter().map(|(key, text)| ("--set".to_owned(), key, text));
    Asked {
        command: line.command.unwrap_or(Command::Serve),
        startup: Startup::new(line.config, own_flags.into_iter().chain(set).collect()),
    }
}

fn key_and_value(text: &str) -> Result<(String, String), &'static str> {
    let (key, value) = text.split_once('=').ok_or("write key=value")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

/// The settings that have a flag of their own.
fn flagged() -> impl Iterator<Item = (&'static Setting, &'static str)> {
    SETTINGS.iter().filter_map(|setting| setting.flag.map(|flag| (setting, flag)))
}

fn with_setting_flags(command: clap::Command) -> clap::Command {
    flagged().fold(command, |command, (setting, flag)| {
        let default = setting.default.map_or(String::new(), |text| format!(" [default: {text}]"));
        let help = format!("{}{default}", setting.help);
        command.arg(Arg::new(setting.key).long(flag).global(true).value_name("VALUE").help(help))
    })
}

/// Values of global flags are found at the last command that was named.
fn setting_flags(mut matches: &ArgMatches) -> Vec<(String, String, String)> {
    while let Some((_, deeper)) = matches.subcommand() {
        matches = deeper;
    }
    flagged()
        .filter_map(|(setting, flag)| {
            let text = matches.get_one::<String>(setting.key)?;
            Some((format!("--{flag}"), setting.key.to_owned(), text.clone()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn flags(line: &[&str]) -> Vec<(String, String, String)> {
        setting_flags(&with_setting_flags(Line::command()).try_get_matches_from(line).unwrap())
    }

    #[test]
    fn the_command_line_is_well_formed() {
        with_setting_flags(Line::command()).debug_assert();
    }

    #[test]
    fn a_backup_is_taken_or_verified() {
        let parse = |line: &[&str]| {
            let matches = with_setting_flags(Line::command()).try_get_matches_from(line)?;
            Line::from_arg_matches(&matches)
        };
        let command = |line: &[&str]| parse(line).unwrap().command;
        let taken = command(&["watchkeeper", "backup", "/b", "--data", "/x"]);
        assert!(matches!(taken, Some(Command::Backup(Backup { command: None, destination: Some(_) }))));
        let verified = command(&["watchkeeper", "backup", "verify", "/b", "--data", "/x"]);
        let expected = Some(BackupCommand::Verify { backup: "/b".into() });
        let Some(Command::Backup(Backup { command, destination: None })) = verified else {
            panic!("{verified:?}")
        };
        assert_eq!(format!("{command:?}"), format!("{expected:?}"));
        assert!(parse(&["watchkeeper", "backup"]).is_err(), "where to?");
    }

    #[test]
    fn a_flag_counts_before_and_after_the_command() {
        let expected = [("--data".to_owned(), "data".to_owned(), "/x".to_owned())];
        assert_eq!(flags(&["watchkeeper", "--data", "/x", "token", "list"]), expected);
        assert_eq!(flags(&["watchkeeper", "token", "list", "--data", "/x"]), expected);
        assert_eq!(flags(&["watchkeeper", "--data", "/x"]), expected);
    }
}

//! Who the agents are.

use super::catalogue::SeriesKind;
use super::chance::Chance;

pub const MODELS: [&str; 6] = ["opus-l", "sonnet-m", "haiku-s", "gpt-l", "gpt-s", "llama-70b"];
pub const TEAMS: [&str; 8] = ["search", "support", "billing", "coding", "research", "ops", "sales", "qa"];
pub const TOOLS: [&str; 8] =
    ["bash", "read_file", "write_file", "web_search", "http_get", "sql", "python", "browser"];
const REGIONS: [&str; 3] = ["eu-west-1", "us-east-1", "ap-south-1"];
const AGENTS_PER_HOST: usize = 16;

#[derive(Clone, Debug)]
pub struct Agent {
    pub name: String,
    pub host: String,
    instance: String,
    model: &'static str,
    region: &'static str,
    team: &'static str,
    version: String,
}

impl Agent {
    pub fn number(number: usize) -> Self {
        let mut chance = Chance::of("agent", number as u64);
        let host = number / AGENTS_PER_HOST;
        Self {
            name: Self::name(number),
            host: format!("node-{host:04}"),
            instance: format!("10.{}.{}.{}:9464", number / 65_536, (number / 256) % 256, number % 256),
            model: chance.pick(&MODELS),
            region: REGIONS[host % REGIONS.len()],
            team: chance.pick(&TEAMS),
            version: format!("1.{}.{}", 4 + chance.below(3), chance.below(10)),
        }
    }

    pub fn name(number: usize) -> String {
        format!("agent-{number:05}")
    }

    /// All labels of one of its series, the metric's name among them.
    pub fn labels<'a>(&'a self, series: &'a SeriesKind) -> Vec<(&'a str, &'a str)> {
        let mut labels = vec![
            ("__name__", series.name),
            ("agent", &*self.name),
            ("host", &*self.host),
            ("instance", &*self.instance),
            ("job", "agents"),
            ("model", self.model),
            ("region", self.region),
            ("team", self.team),
        ];
        labels.extend(&series.labels);
        if series.name == "agent_info" {
            labels.push(("version", &self.version));
        }
        labels
    }
}

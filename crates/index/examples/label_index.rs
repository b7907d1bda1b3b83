//! How large and how fast an index is, on agents with a hundred series each.
//!
//! `cargo run --release -p index --example label_index [agents]`

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "it measures, and prints what it measured"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use index::{Builder, Index, Part, Selector, merge};
use model::{LabelSet, MatchOp, Matcher};
use roaring::RoaringBitmap;

const SERIES_PER_AGENT: usize = 100;
const TEAMS: [&str; 8] = ["search", "support", "billing", "coding", "research", "ops", "sales", "qa"];
const MODELS: [&str; 6] = ["opus-l", "sonnet-m", "haiku-s", "gpt-l", "gpt-s", "llama-70b"];
const TOOLS: [&str; 8] =
    ["bash", "read_file", "write_file", "web_search", "http_get", "sql", "python", "browser"];
const BOUNDS: [&str; 13] =
    ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "30", "+Inf"];

fn main() {
    let agents = std::env::args().nth(1).map_or(5_000, |agents| agents.parse().expect("a number of agents"));
    let sets: Vec<LabelSet> =
        (0..agents).flat_map(|agent| (0..SERIES_PER_AGENT).map(move |s| labels(agent, s))).collect();
    let streams = sets.len() as u32;
    println!("{streams} streams, {} bytes of labels each", mean(sets.iter().map(LabelSet::memory_bytes)));

    let mut builder = Builder::new(0);
    let pushed = time(1, || {
        for set in &sets {
            builder.push(set.clone());
        }
    });
    per_stream("push", pushed, streams);
    let mut mixed = Builder::new(0);
    let order = || (0..sets.len()).map(|step| step * 7_919 % sets.len());
    let pushed = time(1, || {
        for stream in order() {
            mixed.push(sets[stream].clone());
        }
    });
    per_stream("push, in no order", pushed, streams);
    let bytes = mixed.encode().len();
    println!("{:40} {:10.2} bytes a stream", "part of that", bytes as f64 / f64::from(streams));
    drop(mixed);
    println!(
        "{:40} {:10.1} bytes a stream, labels included",
        "builder",
        f64::from(builder.memory_bytes() as u32) / f64::from(streams)
    );
    let mut bytes = Vec::new();
    per_stream("encode", time(1, || bytes = builder.encode()), streams);
    println!("{:40} {:10.2} bytes a stream", "part", bytes.len() as f64 / f64::from(streams));
    report("open", time(20, || Part::open(bytes.clone())));
    let part = Part::open(bytes).expect("it was just written");
    println!("{:40} {:10} bytes", "part in memory", part.memory_bytes());
    for (section, bytes) in part.section_bytes() {
        println!("{section:40} {:10.2} bytes a stream", bytes as f64 / f64::from(streams));
    }
    for (what, index) in [("part", &part as &dyn Index), ("builder", &builder)] {
        println!("-- {what}");
        questions(index, agents);
    }
    per_stream("merge of two halves", merged(&sets), streams);
}

fn labels(agent: usize, series: usize) -> LabelSet {
    let (name, own) = match series {
        0..28 => (
            if series < 14 {
                "agent_llm_duration_seconds_bucket"
            } else {
                "agent_tool_duration_seconds_bucket"
            },
            Some(("le", BOUNDS[series % 14 % BOUNDS.len()])),
        ),
        28..60 => (
            [
                "agent_tool_calls_total",
                "agent_tool_errors_total",
                "agent_tool_seconds_total",
                "agent_tool_bytes_total",
            ][series % 4],
            Some(("tool", TOOLS[series / 4 % 8])),
        ),
        60..78 => (
            ["agent_tokens_total", "agent_requests_total", "agent_cost_usd_total"][series % 3],
            Some(("model", MODELS[series / 3 % 6])),
        ),
        _ => (
            [
                "agent_cpu_percent",
                "agent_heap_bytes",
                "agent_load",
                "process_threads",
                "process_open_fds",
                "up",
                "agent_active_tasks",
                "agent_active_sessions",
                "agent_ready",
                "agent_leader",
                "agent_cores",
                "agent_context",
                "process_max_fds",
                "agent_score",
                "agent_heartbeat_seconds",
                "process_start_time_seconds",
                "agent_quota",
                "agent_budget",
                "agent_limit",
                "agent_info",
                "agent_retries_total",
                "agent_queue",
            ][series - 78],
            None,
        ),
    };
    let own_labels = [
        ("__name__", name.to_owned()),
        ("job", "agents".to_owned()),
        ("instance", format!("10.{}.{}.{}:9464", agent / 65_536, agent / 256 % 256, agent % 256)),
        ("agent", format!("agent-{agent:05}")),
        ("team", TEAMS[agent * 7 % 13 % 8].to_owned()),
        ("host", format!("node-{:04}", agent / 16)),
    ];
    LabelSet::new(own_labels.into_iter().chain(own.map(|(name, value)| (name, value.to_owned()))))
}

fn questions(index: &dyn Index, agents: usize) {
    let regex = |name, pattern| Matcher::new(name, MatchOp::Matches, pattern).expect("it compiles");
    let name = |name| Matcher::equal("__name__", name);
    let one_agent = || Matcher::equal("agent", &format!("agent-{:05}", agents / 2));
    let ask = |what: &str, matchers: Vec<Matcher>| {
        let selected = index.select(&matchers).expect("it is sound").len();
        let spent = time(20, || index.select(&matchers));
        report(&format!("select {what} ({selected})"), spent);
    };
    ask("one stream", vec![name("up"), one_agent()]);
    ask(
        "one bucket",
        vec![name("agent_llm_duration_seconds_bucket"), one_agent(), Matcher::equal("le", "0.5")],
    );
    ask("a name", vec![name("up")]);
    ask("an agent", vec![one_agent()]);
    ask("a team's name", vec![name("up"), Matcher::equal("team", "ops")]);
    ask("agents by expression", vec![regex("agent", "agent-.*[37]")]);
    ask("agents by expression, all", vec![regex("agent", ".*-[0-9]+")]);
    ask("name and agents by expression", vec![name("up"), regex("agent", ".*0[0-4].")]);
    ask("agents by prefix", vec![regex("agent", "agent-000.+")]);
    ask("agents listed", vec![name("up"), regex("agent", "agent-00001|agent-00003|agent-00017")]);
    ask("names by expression", vec![regex("__name__", ".*_total|.*_bucket")]);
    ask(
        "name without a team",
        vec![name("up"), Matcher::new("team", MatchOp::NotEqual, "ops").expect("plain")],
    );
    ask("without le", vec![Matcher::equal("le", "")]);
    let matchers = [regex("agent", "agent-.*[37]")];
    let selector = Selector::new(&matchers);
    report("the same, prepared", time(20, || index.select_with(&selector)));

    report("label values of agent", time(20, || index.label_values("agent")));
    report("label names", time(20, || index.label_names()));
    let all: RoaringBitmap = index.ids().collect();
    let up = index.select(&[name("up")]).expect("it is sound");
    let mine = index.select(&[one_agent()]).expect("it is sound");
    report("label values of agent among all", time(5, || index.label_values_among("agent", &all)));
    report("label values of agent among a name's", time(5, || index.label_values_among("agent", &up)));
    report("label values of name among an agent's", time(20, || index.label_values_among("__name__", &mine)));
    report("label names among an agent's", time(20, || index.label_names_among(&mine)));
    let ids: Vec<u32> = (0..1_000).map(|step| step * 7_919 % index.ids().end).collect();
    let spent = time(5, || {
        for id in &ids {
            black_box(index.labels(*id).expect("it is sound"));
        }
    });
    report("labels of one stream", spent / 1_000);
    let mut hash = 0;
    let spent =
        time(1, || index.visit_labels(&all, &mut |_, labels| hash ^= labels.hash()).expect("it is sound"));
    report(&format!("labels of all, hash {:04x}", hash as u16), spent);
    let spent =
        time(5, || index.visit_labels(&up, &mut |_, labels| hash ^= labels.hash()).expect("it is sound"));
    report("labels of a name, each", spent / up.len() as u32);
}

fn merged(sets: &[LabelSet]) -> Duration {
    let (front, back) = sets.split_at(sets.len() / 2);
    let parts = [(0, front), (front.len() as u32, back)].map(|(base, sets)| {
        let mut builder = Builder::new(base);
        for set in sets {
            builder.push(set.clone());
        }
        Part::open(builder.encode()).expect("it was just written")
    });
    time(1, || merge(&[&parts[0], &parts[1]]).expect("they are sound"))
}

/// The middle of so many times.
fn time<T>(times: usize, mut work: impl FnMut() -> T) -> Duration {
    let mut spent: Vec<Duration> = (0..times)
        .map(|_| {
            let start = Instant::now();
            black_box(work());
            start.elapsed()
        })
        .collect();
    spent.sort();
    spent[times / 2]
}

fn mean(numbers: impl ExactSizeIterator<Item = usize>) -> usize {
    let count = numbers.len().max(1);
    numbers.sum::<usize>() / count
}

fn report(what: &str, spent: Duration) {
    println!("{what:40} {:10.2} us", spent.as_secs_f64() * 1e6);
}

fn per_stream(what: &str, spent: Duration, streams: u32) {
    println!("{what:40} {:10.3} us a stream", spent.as_secs_f64() * 1e6 / f64::from(streams));
}

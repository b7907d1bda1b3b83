//! Bytes and time a sample, beside pooled pco in the same run.

use columns::samples::{Page, Run, encode};

use crate::bench::workload::{Fleet, SERIES_PER_AGENT, catalogue};
use crate::nanoseconds_each;

const AGENTS: usize = 20;

/// One agent: its times, and the values of each of its series.
struct Agent {
    times: Vec<i64>,
    series: Vec<Vec<f64>>,
}

pub fn measure() {
    for rows in [120, 720] {
        let agents = agents(rows);
        println!("pages of 100 series x {rows}");
        print(&agents);
        if std::env::args().nth(2).is_some() {
            print_shapes(&agents);
        }
    }
}

fn agents(rows: usize) -> Vec<Agent> {
    let fleet = Fleet::ending_at(1_795_000_000_000, AGENTS, rows);
    let mut agents: Vec<Agent> =
        (0..AGENTS).map(|_| Agent { times: vec![], series: vec![vec![]; SERIES_PER_AGENT] }).collect();
    for mut shard in fleet.shards(1) {
        while let Some(scrape) = shard.next_scrape() {
            let agent = &mut agents[scrape.agent];
            agent.times.push(scrape.at_ms * 1_000_000);
            agent.series.iter_mut().zip(scrape.values).for_each(|(series, value)| series.push(*value));
        }
    }
    agents
}

fn print(agents: &[Agent]) {
    let samples = agents.iter().flat_map(|agent| &agent.series).map(Vec::len).sum();
    print_gorilla(agents, samples);
    print_pco(agents, samples);
    print_ours(agents, samples);
}

/// Series of one shape alone.
fn print_shapes(agents: &[Agent]) {
    let shapes: Vec<String> = catalogue()
        .iter()
        .map(|kind| format!("{:?}", kind.shape).split([' ', '(']).next().unwrap_or_default().to_owned())
        .collect();
    let mut distinct = shapes.clone();
    distinct.sort();
    distinct.dedup();
    for shape in distinct {
        let of_shape = |agent: &Agent| {
            let series = agent.series.iter().zip(&shapes).filter(|(_, of)| **of == shape);
            Agent { times: agent.times.clone(), series: series.map(|(values, _)| values.clone()).collect() }
        };
        let part: Vec<Agent> = agents.iter().map(of_shape).collect();
        println!(" {shape}, {} series", part[0].series.len());
        print(&part);
    }
}

/// What the classic of time series would take, for comparison of workloads: the bits of
/// "Gorilla" (Pelkonen et al., 2015) for values, and one bit for each time.
fn print_gorilla(agents: &[Agent], samples: usize) {
    let bits: u64 = agents.iter().flat_map(|agent| &agent.series).map(|values| gorilla_bits(values)).sum();
    println!("  gorilla    {:.3} B a sample", (bits as f64 / 8.0 + samples as f64 / 8.0) / samples as f64);
}

fn gorilla_bits(values: &[f64]) -> u64 {
    let (mut bits, mut leading, mut trailing) = (64, 65, 0);
    for pair in values.windows(2) {
        let change = pair[0].to_bits() ^ pair[1].to_bits();
        let (zeros, ends) = (change.leading_zeros().min(31), change.trailing_zeros());
        bits += if change == 0 {
            1
        } else if zeros >= leading && ends >= trailing {
            2 + u64::from(64 - leading - trailing)
        } else {
            (leading, trailing) = (zeros, ends);
            13 + u64::from(64 - leading - trailing)
        };
    }
    bits
}

fn print_pco(agents: &[Agent], samples: usize) {
    let pools: Vec<Vec<f64>> = agents.iter().map(|agent| agent.series.concat()).collect();
    let config = pco::ChunkConfig::default();
    let compress =
        || pools.iter().map(|pool| pco::standalone::simple_compress(pool, &config).unwrap_or_default());
    let pages: Vec<Vec<u8>> = compress().collect();
    let bytes: usize = pages.iter().map(Vec::len).sum();
    let encode = nanoseconds_each(samples, || assert!(compress().all(|page| !page.is_empty())));
    let decode = nanoseconds_each(samples, || {
        for page in &pages {
            assert!(pco::standalone::simple_decompress::<f64>(page).is_ok());
        }
    });
    println!(
        "  pco pooled {:.3} B a sample, encode {encode:.1} ns, decode {decode:.1} ns",
        bytes as f64 / samples as f64
    );
}

fn print_ours(agents: &[Agent], samples: usize) {
    let runs: Vec<Vec<Run<'_>>> = agents.iter().map(runs).collect();
    let pages: Vec<Vec<u8>> = runs.iter().map(|runs| encode(runs)).collect();
    let bytes: usize = pages.iter().map(Vec::len).sum();
    let encode = nanoseconds_each(samples, || assert!(runs.iter().all(|runs| !encode(runs).is_empty())));
    let decode = nanoseconds_each(samples, || pages.iter().for_each(|page| read(page, 1)));
    let single = nanoseconds_each(pages.len() * 4, || pages.iter().for_each(|page| read(page, 25)));
    println!(
        "  ours       {:.3} B a sample, encode {encode:.1} ns, decode {decode:.1} ns, 4 single runs {:.1} us each",
        bytes as f64 / samples as f64,
        single / 1000.0
    );
}

fn runs(agent: &Agent) -> Vec<Run<'_>> {
    let series = (0..).zip(&agent.series);
    series.map(|(stream, values)| Run { stream, times: &agent.times, values }).collect()
}

/// Reads every so many of the runs.
fn read(bytes: &[u8], every: usize) {
    let mut page = Page::decode(bytes).expect("just encoded");
    for run in (0..page.heads().len()).step_by(every) {
        let times = page.times(run).expect("just encoded").len();
        assert_eq!(page.values(run).expect("just encoded").len(), times);
    }
}

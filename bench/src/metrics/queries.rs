//! What dashboards and rules of a fleet ask. `docs/benchmarks.md` names where these
//! questions come from.

/// One request of the Prometheus API.
#[derive(Debug)]
pub struct Query {
    pub name: &'static str,
    pub path: &'static str,
    pub parameters: Vec<(&'static str, String)>,
}

impl Query {
    pub fn instant(name: &'static str, query: String, at: i64) -> Self {
        Self { name, path: "/api/v1/query", parameters: vec![("query", query), ("time", at.to_string())] }
    }

    fn range(name: &'static str, query: &str, start: i64, end: i64, step: i64) -> Self {
        let parameters = vec![
            ("query", query.to_owned()),
            ("start", start.to_string()),
            ("end", end.to_string()),
            ("step", step.to_string()),
        ];
        Self { name, path: "/api/v1/query_range", parameters }
    }

    fn listing(name: &'static str, path: &'static str, selector: Option<&str>, end: i64) -> Self {
        let mut parameters = vec![("start", (end - HOUR).to_string()), ("end", end.to_string())];
        parameters.extend(selector.map(|selector| ("match[]", selector.to_owned())));
        Self { name, path, parameters }
    }
}

const HOUR: i64 = 3_600;
/// Ranges begin this much later, so that the first rate has samples behind it.
const LEAD: i64 = 300;

/// Of a fleet whose last sample is just before `end`, in seconds, and whose first is
/// `hours` earlier.
pub fn all(end: i64, agents: usize, hours: i64) -> Vec<Query> {
    let instant = |name, query: &str| Query::instant(name, query.to_owned(), end);
    let hour = |name, query: &str, step| Query::range(name, query, end - HOUR + LEAD, end, step);
    let one = format!("agent_cpu_percent{{agent=\"agent-{:05}\"}}", agents / 3);
    let whole = hours * HOUR - LEAD;
    let whole_step = (whole / 360 / 30 * 30).max(30);
    vec![
        instant("instant, one series", &one),
        instant("sum by (agent) (rate), instant", "sum by (agent) (rate(agent_tokens_total[5m]))"),
        Query::range("range 1 h, 15 s, one series", &one, end - HOUR, end, 15),
        hour("range 1 h, topk over tools", "topk(5, sum by (tool) (rate(agent_tool_calls_total[5m])))", 60),
        hour(
            "range 1 h, histogram_quantile by model",
            "histogram_quantile(0.99, sum by (le, model) (rate(agent_llm_request_duration_seconds_bucket[5m])))",
            60,
        ),
        instant("instant, avg_over_time 1 h", "avg_over_time(agent_context_utilization[1h])"),
        Query::listing("label values", "/api/v1/label/agent/values", None, end),
        Query::listing(
            "series of a team",
            "/api/v1/series",
            Some("{__name__=~\"agent_tool_calls_total|agent_tokens_total\",team=\"coding\"}"),
            end,
        ),
        instant(
            "instant, regex over many series",
            "sum by (__name__) (last_over_time({__name__=~\"agent_.*_total\", agent=~\"agent-.*[13579]\"}[5m]))",
        ),
        hour("range 1 h, raw gauges", "agent_cpu_percent", 60),
        hour(
            "range 1 h, heat map over le",
            "sum by (le) (increase(agent_llm_request_duration_seconds_bucket[1m]))",
            60,
        ),
        instant(
            "alert: error ratio by agent",
            "sum by (agent) (rate(agent_requests_total{status!=\"ok\"}[5m])) \
             / sum by (agent) (rate(agent_requests_total[5m])) > 0.02",
        ),
        instant(
            "join with an info metric",
            "sum by (version) (agent_queue_length{queue=\"inbox\"} * on (agent) group_left (version) agent_info)",
        ),
        instant("subquery max_over_time", "max_over_time(sum(rate(agent_tokens_total[2m]))[50m:1m])"),
        Query::range(
            "range of everything, rate by team",
            "sum by (team) (rate(agent_tokens_total{direction=\"output\"}[5m]))",
            end - whole,
            end,
            whole_step,
        ),
        hour("range 1 h, quantile over the fleet", "quantile(0.95, agent_tokens_per_second)", 30),
    ]
}

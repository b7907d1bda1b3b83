"""Reads what was archived with pyarrow, and with pandas and DuckDB where they are installed.

The rows are those of `one_of_each` and `metrics` in stand.rs, for the seconds 0 to 1999.
"""

import importlib.util
import sys

import pyarrow
import pyarrow.parquet as parquet

folder = sys.argv[1]
COUNT = 2000
FIRST = 1795392000_123456789
ATTRIBUTES = {"text": 'grüße "x"', "count": "-7", "share": "0.5", "done": "true"}


def path(signal):
    return f"{folder}/{signal}/2026-11-23.parquet"


def check(found, expected):
    assert found == expected, f"{found!r} is not {expected!r}"


def by_pyarrow():
    samples = parquet.read_table(path("samples"))
    check(samples.num_rows, 2 * COUNT)
    check(str(samples.schema.field("timestamp").type), "timestamp[ns, tz=UTC]")
    check(str(samples.schema.field("labels").type), "map<string, string ('labels')>")
    up = samples.slice(COUNT)
    check(set(up["metric"].to_pylist()), {"up"})
    check(up["value"].to_pylist(), [float(n) for n in range(COUNT)])
    check(up["timestamp"].cast("int64").to_pylist(), [FIRST + n * 10**9 for n in range(COUNT)])
    check(up["labels"][7].as_py(), [("instance", "h1"), ("job", "a")])

    logs = parquet.read_table(path("logs"))
    check(logs.num_rows, 2 * COUNT)
    line = logs.slice(COUNT + 3, 1).to_pylist()[0]
    check((line["severity"], line["body"]), ("warn", "line of 3"))
    check((line["trace_id"], line["span_id"]), ("ab" * 16, f"{3:016x}"))
    check(dict(line["attributes"]), ATTRIBUTES)
    check(logs["trace_id"].null_count, COUNT)

    spans = parquet.read_table(path("spans"))
    check(spans.num_rows, 2 * COUNT)
    rows = spans.slice(0, 2).to_pylist()
    child, root = sorted(rows, key=lambda row: row["parent_span_id"] is None)
    check((root["name"], root["kind"], root["status"], root["status_message"]), ("tool", "client", "error", "it broke"))
    check((root["duration_ns"], root["parent_span_id"]), (1_500_000_000, None))
    check([event["name"] for event in root["events"]], ["first", "second"])
    check([dict(event["attributes"]) for event in root["events"]], [{}, ATTRIBUTES])
    link = root["links"][0]
    check((link["trace_id"], link["span_id"], dict(link["attributes"])), ("01" * 16, "02" * 8, {"why": "retry"}))
    check((child["parent_span_id"], child["events"], child["links"]), (root["span_id"], [], []))
    about = parquet.read_metadata(path("spans")).metadata
    check(about[b"watchkeeper.day"], b"2026-11-23")

    histograms = parquet.read_table(path("histograms"))
    check(histograms.num_rows, 2 * COUNT)
    row = histograms.slice(7, 1).to_pylist()[0]
    check((row["metric"], dict(row["labels"]), row["count"], row["sum"]), ("rpc", {"job": "a"}, 7.0, 0.5))
    check((row["schema"], row["zero_threshold"], row["zero_count"]), (3, 0.001, 1.0))
    check((dict(row["positive"]), dict(row["negative"])), ({-2: 3.0, 9: 4.0}, {1: 2.0}))
    check((row["bounds"], row["reset"]), ([], "unknown"))
    row = histograms.slice(COUNT, 1).to_pylist()[0]
    check((row["metric"], row["schema"], row["bounds"], row["reset"]), ("sizes", -53, [0.1, 2.5], "gauge"))
    check((dict(row["positive"]), row["negative"]), ({1: 5.0}, []))

    exemplars = parquet.read_table(path("exemplars"))
    check(exemplars.num_rows, COUNT)
    row = exemplars.slice(5, 1).to_pylist()[0]
    check((row["metric"], row["value"], dict(row["exemplar"])), ("rpc", 0.25, {"trace_id": "ab" * 16}))
    print("pyarrow", pyarrow.__version__)


def by_pandas():
    import pandas

    frame = pandas.read_parquet(path("samples"))
    up = frame[frame.metric == "up"].set_index("timestamp")
    per_minute = up.value.resample("1min").max()
    check(list(per_minute)[:2], [59.0, 119.0])
    check(dict(frame.labels.iloc[-1]), {"instance": "h1", "job": "a"})
    print("pandas", pandas.__version__)


def by_duckdb():
    import duckdb

    def ask(question):
        return duckdb.sql(question.replace("FOLDER", folder)).fetchall()

    check(
        ask(
            "SELECT labels['job'] AS job, max(value) FROM 'FOLDER/samples/*.parquet' "
            "WHERE metric = 'up' AND timestamp >= '2026-11-23 00:10:00+00' GROUP BY job"
        ),
        [("a", 1999.0)],
    )
    check(
        ask(
            "SELECT count(*), count(DISTINCT date_trunc('minute', timestamp)) "
            "FROM 'FOLDER/logs/*.parquet' WHERE severity = 'warn' AND attributes['count'] = '-7'"
        ),
        [(COUNT, 34)],
    )
    check(
        ask(
            "SELECT count(*) FROM (SELECT unnest(events) AS event FROM 'FOLDER/spans/*.parquet') "
            "WHERE event.name = 'second' AND event.attributes['done'] = 'true'"
        ),
        [(COUNT,)],
    )
    check(
        ask(
            "SELECT logs.body FROM 'FOLDER/spans/*.parquet' spans JOIN 'FOLDER/logs/*.parquet' logs "
            "USING (trace_id, span_id) WHERE spans.status = 'error' ORDER BY logs.timestamp LIMIT 1"
        ),
        [("line of 0",)],
    )
    check(
        ask("SELECT max(positive[9]), count(*) FROM 'FOLDER/histograms/*.parquet' WHERE metric = 'rpc'"),
        [(4.0, COUNT)],
    )
    print("duckdb", duckdb.__version__)


by_pyarrow()
for name, read in (("pandas", by_pandas), ("duckdb", by_duckdb)):
    if importlib.util.find_spec(name):
        read()
    else:
        print(name, "is not installed")

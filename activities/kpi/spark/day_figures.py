"""Computes the figures of a day with Spark SQL, by the queries of activities/kpi/sql as they are.

Run by spark-submit with two paths: the question, and where the answer goes (both JSON). The question names the files, the
flagged sessions' file (a session id a line, as JSON text), that of records with a decision, the parameters and the folder of
the queries, and the local port at which whoever asks holds a connection open for as long as it lives.
"""

import json
import os
import pathlib
import shutil
import signal
import socket
import sys
import threading

from pyspark.sql import SparkSession
from pyspark.sql.types import IntegerType, LongType, StringType, StructField, StructType

KINDS = {"INTEGER": IntegerType(), "BIGINT": LongType(), "VARCHAR": StringType()}


def schema_of(columns):
    return StructType([StructField(name, KINDS[kind]) for name, kind in columns])


def end_with(port, folder):
    """Ends this program, Spark and all, once whoever asked is gone: a process that is killed cannot end what it began."""

    def end():
        shutil.rmtree(folder, ignore_errors=True)
        os.killpg(os.getpgrp(), signal.SIGKILL)

    def wait(line):
        try:
            while line.recv(1):
                pass
        except OSError:
            pass
        end()

    try:
        line = socket.create_connection(("127.0.0.1", port))
    except OSError:
        return end()
    threading.Thread(target=wait, args=(line,), daemon=True).start()


def main(question_path, answer_path):
    question = json.loads(pathlib.Path(question_path).read_text())
    end_with(question["alivePort"], pathlib.Path(question_path).parent)
    spark = SparkSession.builder.appName("guardian-kpi").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")

    def query(name):
        sql = (pathlib.Path(question["sqlFolder"]) / f"{name}.sql").read_text()
        for parameter, value in question["parameters"].items():
            sql = sql.replace(parameter, str(value))
        return sql

    def rows(name):
        return [row.asDict() for row in spark.sql(query(name)).collect()]

    def archived(name, files, columns):
        schema = schema_of(columns)
        # A day without files has empty tables, and so figures of zero.
        table = spark.read.schema(schema).parquet(*files) if files else spark.createDataFrame([], schema)
        table.createOrReplaceTempView(name)
        return table

    clicks = archived("archived_click", question["clickFiles"], question["clickColumns"])
    purchases = archived("archived_purchase", question["purchaseFiles"], question["purchaseColumns"])
    flagged = spark.read.schema(schema_of([["session_id", "VARCHAR"]])).json(question["flaggedFile"])
    flagged.createOrReplaceTempView("flagged_session")
    known = spark.read.schema(schema_of(question["knownColumns"])).json(question["knownFile"])
    known.createOrReplaceTempView("known_record")
    for name in ("click", "purchase"):
        spark.sql(query(name)).persist().createOrReplaceTempView(f"day_{name}")
    spark.sql(query("unfit")).persist().createOrReplaceTempView("unfit")
    left_out = {row["kind"] for row in rows("left-out")}
    for name in ("click", "purchase"):
        # Of a usual day nothing is left out, and looking for it would take as long as the figures do.
        counted = spark.sql(query(f"counted-{name}")).persist() if name in left_out else spark.table(f"day_{name}")
        counted.createOrReplaceTempView(name)

    answer = {
        "readRows": clicks.count() + purchases.count(),
        "unfit": rows("unfit-records"),
        "unfitCounts": rows("unfit-counts"),
        "sums": rows("counted-sums"),
        "nulls": rows("nulls"),
        "metrics": rows("metrics"),
        "revenue": rows("revenue"),
        "items": rows("popular-items"),
        "funnel": rows("funnel"),
    }
    pathlib.Path(answer_path).write_text(json.dumps(answer))
    spark.stop()


main(*sys.argv[1:3])

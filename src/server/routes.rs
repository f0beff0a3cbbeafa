//! The one table of routes.

use std::sync::LazyLock;

use axum::http::Method;

use super::api::{
    approvals, artifacts, calls, catalogue, events, execution, health, hooks, incidents, memory,
    metrics, proposals, runs, schedules, sessions, settings, tasks, undo,
};
use super::route::{Access, Gives, Param, Route, Takes, schema};
use crate::contracts::views::{
    Answered, ApprovalPage, ApprovalView, ExchangeList, Given, IncidentPage, NewAnswer,
    NewApproval, NewTask, PlaybookList, RunDetail, RunPage, RunTold, ScheduleChange,
    ScheduleDetail, ScheduleList, ScheduleStarted, ScheduleView, TaskPage, TaskTaken, TaskView,
    UndoView,
};
use crate::contracts::{
    ArtifactList, BatchUndone, CallAnswer, Consolidating, ConsolidationReport, ExecutionChange,
    ExecutionConfig, ForgetReceipt, Forgetting, Forgotten, KvChanged, KvList, KvSetting, KvValue,
    LogPage, MemoryAnswer, MemoryDraft, MemoryJobList, MemoryPage, MemoryProposal, MemoryRecord,
    MemoryWrittenList, NewCall, NewMemories, NodeHealth, Pinning, ProposalAnswer, ProposalList,
    ProposalView, RunReport, Synced, TaskSubmission, ToolList, ToolSwitched, Written,
};
use crate::scheduler::NewSchedule;
use crate::telemetry::METRICS_TYPE;

const LIMIT: Param = Param { name: "limit", what: "most entries of the page", kind: "integer" };
const CURSOR: Param =
    Param { name: "cursor", what: "`next_cursor` of the page before", kind: "string" };
const AFTER: Param = Param {
    name: "after",
    what: "the event to go on behind; the header `Last-Event-ID` wins",
    kind: "integer",
};
const EVENTS: Param = Param { name: "events", what: "`true`: with its events", kind: "boolean" };
const EVENTS_AFTER: Param =
    Param { name: "after", what: "the event behind which they begin", kind: "integer" };
const NEXT: Param =
    Param { name: "next", what: "how many next times, 1 to 100; 5 when absent", kind: "integer" };
const PLAYBOOK: Param = Param { name: "playbook", what: "only runs of it", kind: "string" };
const RUN_STATUS: Param = Param { name: "status", what: "only runs that stand so", kind: "string" };
const SINCE: Param =
    Param { name: "since", what: "only those that were raised then or later", kind: "string" };
const OF_RUN: Param =
    Param { name: "run", what: "only those of the run with this id", kind: "string" };
const ASKED_STATUS: Param =
    Param { name: "status", what: "only questions that stand so", kind: "string" };

const TOOL_NAME: Param =
    Param { name: "tool_name", what: "the tool, or one of its other names", kind: "string" };

const ENABLED: Param = Param { name: "enabled", what: "whether it shall be on", kind: "boolean" };

const EXECUTION_CONFIG: &str = "/api/v1/execution/config";
const APPROVE: &str = "/api/v1/execution/approve";
const APPROVALS: &str = "/api/v1/execution/approvals";
const APPROVAL: &str = "/api/v1/execution/approvals/{approval_id}";
const TASKS: &str = "/api/v1/execution/tasks";
const TASK: &str = "/api/v1/execution/tasks/{task_id}";
const KV: &str = "/memory/kv/{name}";
const SCHEDULE: &str = "/schedules/{schedule_id}";

/// A route that takes and gives nothing yet, for whoever has the token.
macro_rules! route {
    ($method:ident $path:expr, $name:literal, $summary:literal, $status:literal, $handler:path
     $(, $field:ident: $value:expr)* $(,)?) => {
        Route {
            $($field: $value,)*
            ..Route {
                method: Method::$method,
                path: $path,
                name: $name,
                summary: $summary,
                access: Access::Token,
                query: &[],
                takes: Takes::Nothing,
                status: $status,
                gives: Gives::Nothing,
                problems: &[],
                handler: |call| Box::pin($handler(call)),
            }
        }
    };
}

/// Every route.
pub(super) static ROUTES: LazyLock<Vec<Route>> = LazyLock::new(|| {
    let groups = [
        of_server(),
        of_execution(),
        of_tasks(),
        of_runs(),
        of_approvals(),
        of_schedules(),
        of_memory(),
    ];
    groups.into_iter().flatten().collect()
});

fn of_server() -> Vec<Route> {
    vec![
        route!(GET "/", "index", "Where to begin", 200, health::index,
            access: Access::Open, gives: Gives::Json(schema::<health::Index>)),
        route!(GET "/healthz", "healthz", "Whether it is alive", 200, health::alive,
            access: Access::Open, gives: Gives::Json(schema::<health::Health>)),
        route!(GET "/readyz", "readyz", "Whether it takes tasks; 503 with the same document when not",
            200, health::ready,
            access: Access::Open, gives: Gives::Json(schema::<health::Readiness>)),
        route!(GET "/openapi.json", "openapi", "This document", 200, health::openapi,
            gives: Gives::Json(schema::<serde_json::Value>)),
        route!(GET "/metrics", "metrics", "What is counted, for Prometheus", 200, metrics::metrics,
            gives: Gives::Text(METRICS_TYPE)),
        route!(POST "/session", "begin_session", "Exchange the token for a cookie", 200,
            sessions::begin,
            access: Access::Open, takes: Takes::Json(schema::<sessions::NewSession>),
            gives: Gives::Json(schema::<sessions::SessionBegun>), problems: &[401]),
        route!(DELETE "/session", "end_session", "End the session of the cookie", 204,
            sessions::end),
        route!(GET "/playbooks", "list_playbooks", "Every playbook, good or not", 200,
            catalogue::playbooks, gives: Gives::Json(schema::<PlaybookList>)),
        route!(GET "/policies", "list_policies", "The rules in force", 200, catalogue::policies,
            gives: Gives::Json(schema::<catalogue::PolicyView>)),
        route!(POST "/hooks/{playbook}", "fire_webhook", "Start a playbook by knowing its secret",
            202, hooks::fire,
            access: Access::Webhook, takes: Takes::Bytes,
            gives: Gives::Json(schema::<TaskTaken>), problems: &[422, 429, 507]),
    ]
}

fn of_execution() -> Vec<Route> {
    vec![
        route!(GET "/api/v1/execution/tools", "list_tools", "Every tool", 200, execution::tools,
            gives: Gives::Json(schema::<ToolList>)),
        route!(PATCH "/api/v1/execution/tools/{name}/enabled", "switch_tool",
            "Switch a tool on or off", 200, execution::switch,
            query: &[ENABLED], gives: Gives::Json(schema::<ToolSwitched>), problems: &[404, 409]),
        route!(POST "/api/v1/execution/run", "run_tool", "Call a tool, as a run of one step", 200,
            calls::run,
            takes: Takes::Json(schema::<NewCall>), gives: Gives::Json(schema::<CallAnswer>),
            problems: &[404, 409, 422, 429, 504, 507]),
        route!(POST "/api/v1/tools/execute", "execute_tool", "Call a tool, as a run of one step",
            200, calls::run,
            takes: Takes::Json(schema::<NewCall>), gives: Gives::Json(schema::<CallAnswer>),
            problems: &[404, 409, 422, 429, 504, 507]),
        route!(GET "/api/v1/execution/logs", "list_logs", "The audit log, newest first", 200,
            execution::logs,
            query: &[LIMIT], gives: Gives::Json(schema::<LogPage>)),
        route!(GET EXECUTION_CONFIG, "show_execution_config", "The settings in force", 200,
            execution::show_config, gives: Gives::Json(schema::<ExecutionConfig>)),
        route!(PATCH EXECUTION_CONFIG, "change_execution_config", "Change settings", 200,
            execution::change_config,
            takes: Takes::Json(schema::<ExecutionChange>),
            gives: Gives::Json(schema::<ExecutionConfig>), problems: &[409]),
        route!(GET "/api/v1/execution/node/health", "node_health", "Whether a remote node can be used",
            200, execution::node_health, gives: Gives::Json(schema::<NodeHealth>)),
    ]
}

fn of_memory() -> Vec<Route> {
    const AREA: Param = Param { name: "area", what: "only this area", kind: "string" };
    const SEARCH: &[Param] = &[
        Param { name: "q", what: "the question", kind: "string" },
        Param {
            name: "k",
            what: "how many records at most, 1 to 1000; 10 when absent",
            kind: "integer",
        },
        Param { name: "area", what: "only this area; may stand several times", kind: "array" },
        Param {
            name: "tag",
            what: "only records with this tag; may stand several times",
            kind: "array",
        },
        Param { name: "subject", what: "only records about it", kind: "string" },
        Param { name: "as_of", what: "answer as things stood then", kind: "string" },
        Param { name: "mode", what: "`lexical`, `vector` or `hybrid`", kind: "string" },
        Param { name: "embedder", what: "whose vectors are used", kind: "string" },
        Param { name: "explain", what: "`true`: also what was nearly there", kind: "boolean" },
    ];
    vec![
        route!(GET "/memory/search", "search_memory", "What is remembered about a question", 200,
            memory::search, query: SEARCH, gives: Gives::Json(schema::<MemoryAnswer>),
            problems: &[422]),
        route!(GET "/memory/records", "list_memories", "Records, newest first", 200, memory::list,
            query: &[LIMIT, CURSOR, AREA], gives: Gives::Json(schema::<MemoryPage>)),
        route!(POST "/memory/records", "write_memory",
            "Remember something; 200 when it was known already", 201, memory::write,
            takes: Takes::Json(schema::<MemoryDraft>), gives: Gives::Json(schema::<Written>),
            problems: &[403, 422, 507]),
        route!(GET "/memory/records/{memory_id}", "show_memory", "A record with its text", 200,
            memory::show, gives: Gives::Json(schema::<MemoryRecord>), problems: &[404]),
        route!(DELETE "/memory/records/{memory_id}", "forget_memory",
            "Erase a record for good, and what was made of it", 200, memory::forget_one,
            gives: Gives::Json(schema::<ForgetReceipt>), problems: &[403, 404, 507]),
        route!(POST "/memory/records/{memory_id}/pin", "pin_memory",
            "Put a record of `main` into every context, or take it out", 200, memory::pin,
            takes: Takes::Json(schema::<Pinning>), gives: Gives::Json(schema::<MemoryRecord>),
            problems: &[403, 404, 422, 507]),
        route!(GET "/memory/kv", "list_settings", "Settings of `memory/kv`, by name", 200,
            settings::list, gives: Gives::Json(schema::<KvList>), problems: &[422]),
        route!(GET KV, "show_setting", "A setting of `memory/kv`", 200, settings::show,
            gives: Gives::Json(schema::<KvSetting>), problems: &[404, 422]),
        route!(PUT KV, "set_setting", "Set a setting of `memory/kv`", 200, settings::set,
            takes: Takes::Json(schema::<KvValue>), gives: Gives::Json(schema::<KvChanged>),
            problems: &[403, 422, 507]),
        route!(DELETE KV, "unset_setting", "Take a setting of `memory/kv` away", 200,
            settings::unset, gives: Gives::Json(schema::<KvChanged>), problems: &[403, 404, 422, 507]),
        route!(POST "/memory/sync", "sync_memories", "Take over the files of `memory/` now", 200,
            memory::sync, gives: Gives::Json(schema::<Synced>), problems: &[422, 507]),
        route!(POST "/memory/import", "import_memories", "Remember up to 256 things, all or none",
            200, memory::import,
            takes: Takes::Json(schema::<NewMemories>),
            gives: Gives::Json(schema::<MemoryWrittenList>), problems: &[403, 404, 422, 507]),
        route!(POST "/memory/forget", "forget_memories", "Erase the records that fit, or say which",
            200, memory::forget_many,
            takes: Takes::Json(schema::<Forgetting>), gives: Gives::Json(schema::<Forgotten>),
            problems: &[403, 404, 422, 507]),
        route!(POST "/memory/consolidate", "consolidate_memories",
            "Make one of records that say the same, or say what would be done", 200,
            proposals::consolidate,
            takes: Takes::Json(schema::<Consolidating>),
            gives: Gives::Json(schema::<ConsolidationReport>), problems: &[403, 422, 507]),
        route!(GET "/memory/jobs", "list_consolidations",
            "Consolidations with what they found and did, the newest first", 200, proposals::jobs,
            gives: Gives::Json(schema::<MemoryJobList>)),
        route!(GET "/memory/proposals", "list_proposals", "What records may become, oldest first", 200,
            proposals::list, gives: Gives::Json(schema::<ProposalList>)),
        route!(GET "/memory/proposals/{proposal_id}", "show_proposal",
            "A proposal with its texts and what would change", 200, proposals::show,
            gives: Gives::Json(schema::<ProposalView>), problems: &[404]),
        route!(POST "/memory/proposals/{proposal_id}", "answer_proposal", "Accept or reject a proposal",
            200, proposals::answer,
            takes: Takes::Json(schema::<ProposalAnswer>),
            gives: Gives::Json(schema::<MemoryProposal>), problems: &[403, 404, 422, 507]),
        route!(POST "/memory/batches/{batch_id}/undo", "undo_batch",
            "Every record of a batch is again what it was", 200, proposals::undo,
            gives: Gives::Json(schema::<BatchUndone>), problems: &[403, 404, 422, 507]),
    ]
}

fn of_tasks() -> Vec<Route> {
    vec![
        route!(POST "/tasks", "submit_task", "Hand in a task; 202 once it is durable", 202,
            tasks::submit,
            takes: Takes::Json(schema::<TaskSubmission>), gives: Gives::Json(schema::<TaskTaken>),
            problems: &[409, 422, 429, 507]),
        route!(GET TASKS, "list_tasks", "Tasks, newest first", 200, tasks::list,
            query: &[LIMIT, CURSOR], gives: Gives::Json(schema::<TaskPage>)),
        route!(POST TASKS, "create_task", "Hand in a task as a goal", 202, tasks::create,
            takes: Takes::Json(schema::<NewTask>), gives: Gives::Json(schema::<TaskTaken>),
            problems: &[409, 422, 429, 507]),
        route!(GET TASK, "show_task", "How far a task has come", 200, tasks::show,
            gives: Gives::Json(schema::<TaskView>), problems: &[404]),
    ]
}

fn of_runs() -> Vec<Route> {
    vec![
        route!(GET "/runs", "list_runs", "Runs, newest first", 200, runs::list,
            query: &[LIMIT, CURSOR, RUN_STATUS, PLAYBOOK], gives: Gives::Json(schema::<RunPage>)),
        route!(GET "/runs/{run_id}", "show_run", "Everything about a run", 200, runs::show,
            query: &[EVENTS, EVENTS_AFTER, LIMIT],
            gives: Gives::Json(schema::<RunDetail>), problems: &[404]),
        route!(GET "/runs/{run_id}/report", "show_report", "The report of a run that has ended",
            200, runs::report, gives: Gives::Json(schema::<RunReport>), problems: &[404]),
        route!(GET "/runs/{run_id}/artifacts", "list_artifacts", "The files that a run produced", 200,
            artifacts::list, gives: Gives::Json(schema::<ArtifactList>), problems: &[404]),
        route!(GET "/runs/{run_id}/exchanges", "list_exchanges",
            "What a run asked of models and what they said", 200,
            runs::exchanges, gives: Gives::Json(schema::<ExchangeList>), problems: &[404]),
        route!(GET "/artifacts/{hash}", "show_artifact", "A file that a run produced", 200,
            artifacts::show, gives: Gives::Bytes, problems: &[404]),
        route!(GET "/runs/{run_id}/events", "follow_run", "The events of a run, as they happen",
            200, events::of_run,
            query: &[AFTER], gives: Gives::Events, problems: &[404, 503]),
        route!(GET "/incidents", "list_incidents", "What a person must look at, newest first", 200,
            incidents::list, query: &[LIMIT, CURSOR, SINCE, OF_RUN],
            gives: Gives::Json(schema::<IncidentPage>)),
        route!(GET "/events", "follow_all", "The events of everything, as they happen", 200,
            events::of_all, query: &[AFTER], gives: Gives::Events, problems: &[503]),
        route!(POST "/runs/{run_id}/cancel", "cancel_run", "Stop a run", 202, runs::cancel,
            takes: Takes::OptionalJson(schema::<runs::Signal>),
            gives: Gives::Json(schema::<RunTold>), problems: &[404, 409]),
        route!(POST "/runs/{run_id}/pause", "pause_run", "Hold a run", 202, runs::pause,
            takes: Takes::OptionalJson(schema::<runs::Signal>),
            gives: Gives::Json(schema::<RunTold>), problems: &[404, 409]),
        route!(POST "/runs/{run_id}/resume", "resume_run", "Let a run go on", 202, runs::resume,
            takes: Takes::OptionalJson(schema::<runs::Signal>),
            gives: Gives::Json(schema::<RunTold>), problems: &[404, 409]),
        route!(POST "/runs/{run_id}/resolve", "resolve_run", "Say what became of calls in doubt",
            200, runs::resolve,
            takes: Takes::Json(schema::<runs::Settling>), gives: Gives::Json(schema::<RunTold>),
            problems: &[404, 409, 422]),
        route!(POST "/runs/{run_id}/undo", "undo_run", "Put back what a run or a call changed", 200,
            undo::run,
            takes: Takes::OptionalJson(schema::<undo::Undoing>),
            gives: Gives::Json(schema::<UndoView>), problems: &[403, 404, 409]),
    ]
}

fn of_approvals() -> Vec<Route> {
    vec![
        route!(GET APPROVALS, "list_approvals", "Questions to people, newest first", 200,
            approvals::list,
            query: &[LIMIT, CURSOR, ASKED_STATUS], gives: Gives::Json(schema::<ApprovalPage>)),
        route!(GET APPROVAL, "show_approval", "One question", 200, approvals::show,
            gives: Gives::Json(schema::<ApprovalView>), problems: &[404]),
        route!(POST APPROVAL, "answer_approval", "Answer a question", 200, approvals::answer,
            takes: Takes::Json(schema::<NewAnswer>), gives: Gives::Json(schema::<Answered>),
            problems: &[403, 404, 409, 422]),
        route!(POST APPROVE, "approve_beforehand", "Say yes to one call before anybody asks", 200,
            approvals::approve,
            query: &[TOOL_NAME], takes: Takes::OptionalJson(schema::<NewApproval>),
            gives: Gives::Json(schema::<Given>), problems: &[403, 404, 422, 429]),
    ]
}

fn of_schedules() -> Vec<Route> {
    vec![
        route!(GET "/schedules", "list_schedules", "Every schedule", 200, schedules::list,
            gives: Gives::Json(schema::<ScheduleList>)),
        route!(POST "/schedules", "create_schedule", "Make a schedule", 201, schedules::create,
            takes: Takes::Json(schema::<NewSchedule>), gives: Gives::Json(schema::<ScheduleView>),
            problems: &[422, 429]),
        route!(GET SCHEDULE, "show_schedule", "A schedule with its next and last times", 200,
            schedules::show,
            query: &[NEXT], gives: Gives::Json(schema::<ScheduleDetail>), problems: &[404]),
        route!(PATCH SCHEDULE, "change_schedule", "Hold a schedule, or let it go on", 200,
            schedules::change,
            takes: Takes::Json(schema::<ScheduleChange>),
            gives: Gives::Json(schema::<ScheduleView>), problems: &[404, 422]),
        route!(DELETE SCHEDULE, "delete_schedule", "Remove a schedule that was made here", 204,
            schedules::delete, problems: &[404, 409]),
        route!(POST "/schedules/{schedule_id}/run", "run_schedule", "Start what it starts, now",
            202, schedules::run_now,
            gives: Gives::Json(schema::<ScheduleStarted>), problems: &[404, 422, 429, 507]),
    ]
}

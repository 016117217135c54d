"""The REST table: one row for each route below ``mlops/api/``."""

from __future__ import annotations

from typing import Any

from jupyter_mlops import activities as acts
from jupyter_mlops.agent.control import AgentStatus, agent_status, start_agent
from jupyter_mlops.agent.unit import Unit, install_agent
from jupyter_mlops.core.activity import Activity
from jupyter_mlops.core.curve import Curve, Sparkline
from jupyter_mlops.core.environment import Environment
from jupyter_mlops.core.event import Event
from jupyter_mlops.core.figures import Figures, ServiceCounts
from jupyter_mlops.core.host import NamedHost
from jupyter_mlops.core.image import Image
from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.core.model import Model, ModelVersion
from jupyter_mlops.core.run import Experiment, Run
from jupyter_mlops.core.search import RunFields, RunPage
from jupyter_mlops.core.snapshot import FileChange, Snapshot
from jupyter_mlops.core.table import FieldUse, RunGroups
from jupyter_mlops.delivery.certificates import Trust, show_certificate
from jupyter_mlops.delivery.clients import ClientProgram, Example
from jupyter_mlops.delivery.comparing import VersionComparison
from jupyter_mlops.delivery.contents import ModelContents
from jupyter_mlops.delivery.delivered import Delivered, show_delivered
from jupyter_mlops.delivery.deployments import remove_deployment, rollback
from jupyter_mlops.delivery.hosts import HostState, check_host, remove_host
from jupyter_mlops.delivery.images import delete_image, list_images, show_image
from jupyter_mlops.delivery.keys import Keys
from jupyter_mlops.delivery.lineage import Lineage, lineage
from jupyter_mlops.delivery.loading import LoadingProgram, loading_program, model_program
from jupyter_mlops.delivery.manifests import FieldChange, delete_manifest, show_manifest
from jupyter_mlops.delivery.models import delete_model, show_model, unalias_model
from jupyter_mlops.delivery.services import delete_service, regenerate_key, service_keys
from jupyter_mlops.delivery.traffic import Mirrored, mirrored
from jupyter_mlops.inputs.snapshots import Collected, Restored, SnapshotDetail, show_snapshot
from jupyter_mlops.monitoring.live import all_counts, service_figures
from jupyter_mlops.monitoring.telemetry import Request
from jupyter_mlops.server.operations import (
    activities,
    comparison,
    deployments,
    hosts,
    images,
    manifests,
    models,
    runs,
    scaling,
    services,
    snapshots,
    tables,
    workspace,
)
from jupyter_mlops.server.row import Download, Raw, Row
from jupyter_mlops.training.compare import CodeDiff, Comparison
from jupyter_mlops.training.compared import CodeVersion, ComparedRuns, Packages, RunCurve, UsedData
from jupyter_mlops.training.experiments import (
    archive_experiment,
    list_experiments,
    restore_experiment,
    show_experiment,
    use_experiment,
)
from jupyter_mlops.training.finding import known_fields
from jupyter_mlops.training.following import LogHits, LogPart
from jupyter_mlops.training.parameters import Parameter
from jupyter_mlops.training.reproduce import Reproduction, show_reproduction
from jupyter_mlops.training.restorable import Restorable
from jupyter_mlops.training.runs import RunDetail, cancel_run, show_run
from jupyter_mlops.training.table import list_columns
from jupyter_mlops.training.upkeep import restore_run

VERSION = "models/{name}/versions/{version}"

# method, path, function, body, reply[, action]
ROUTES: tuple[Row, ...] = (
    Row("GET", "workspace", workspace.show_workspace, None, workspace.WorkspaceInfo),
    Row("POST", "workspace", workspace.make_workspace, None, workspace.WorkspaceInfo),
    Row("GET", "status", workspace.show_status, None, workspace.Status),
    Row("GET", "environment", workspace.show_environment, None, Environment),
    Row("GET", "agent", agent_status, None, AgentStatus),
    Row("POST", "agent", start_agent, None, AgentStatus),
    Row("DELETE", "agent", workspace.halt_agent, None, None),
    Row("POST", "agent/unit", install_agent, None, Unit),
    Row("DELETE", "agent/unit", workspace.uninstall_agent, None, None),
    Row("GET", "openapi.json", workspace.show_document, None, Any),
    Row("GET", "experiments", list_experiments, None, list[Experiment]),
    Row("GET", "experiments/{name}", show_experiment, None, Experiment),
    Row("POST", "experiments/{name}/use", use_experiment, None, Experiment),
    Row("POST", "experiments/{name}/archive", archive_experiment, None, Experiment),
    Row("POST", "experiments/{name}/restore", restore_experiment, None, Experiment),
    Row("GET", "runs", runs.list_runs, None, RunPage),
    Row("POST", "runs", runs.submit_run, runs.SubmitRun, Run),
    Row("PATCH", "runs", runs.change_runs, runs.ChangeRuns, list[Run]),
    Row("GET", "parameters", runs.show_parameters, None, list[Parameter]),
    Row("GET", "runs/{ref}", show_run, None, RunDetail),
    Row("GET", "runs/{ref}/logs/{stream}", runs.show_log, None, LogPart),
    Row("GET", "runs/{ref}/logs/{stream}/lines", runs.find_in_log, None, LogHits),
    Row("GET", "runs/{ref}/artifacts/{path}", runs.download_artifact, None, Download),
    Row("PATCH", "runs/{ref}", runs.change_run, runs.ChangeRun, Run),
    Row("DELETE", "runs/{ref}", runs.remove_run, None, None),
    Row("POST", "runs/{ref}/restore", restore_run, None, Run),
    Row("GET", "runs/{ref}/metrics", runs.show_curve, None, Curve),
    Row("GET", "runs/{ref}/curves", runs.list_curves, None, list[Curve]),
    Row("POST", "runs/{ref}/metrics", runs.log_metrics, runs.LogMetrics, Run),
    Row("POST", "runs/{ref}/cancel", cancel_run, None, Run),
    Row("GET", "runs/{ref}/restorable", runs.show_restorable, None, Restorable),
    Row("POST", "runs/{ref}/reproduce", runs.reproduce, runs.Reproduce, Run),
    Row("GET", "runs/{ref}/reproduction", show_reproduction, None, Reproduction),
    Row("GET", "runs/{ref}/python", loading_program, None, LoadingProgram),
    Row("GET", "sparklines", runs.list_sparklines, None, list[Sparkline]),
    Row("GET", "fields", known_fields, None, RunFields),
    Row("GET", "fields/{field}/values", runs.show_values, None, runs.FieldValues),
    Row("GET", "columns", list_columns, None, list[FieldUse]),
    Row("GET", "groups", tables.group_runs, None, RunGroups),
    Row("GET", "comparison", comparison.compare, None, Comparison),
    Row("GET", "comparison/runs", comparison.show_runs, None, ComparedRuns),
    Row("GET", "comparison/curves", comparison.show_curves, None, list[RunCurve]),
    Row("GET", "comparison/code", comparison.show_code, None, list[CodeVersion]),
    Row("GET", "comparison/code/diff", comparison.show_code_diff, None, CodeDiff),
    Row("GET", "comparison/packages", comparison.show_packages, None, list[Packages]),
    Row("GET", "comparison/data", comparison.show_data, None, list[UsedData]),
    Row("GET", "snapshots", snapshots.list_snapshots, None, list[Snapshot]),
    Row("POST", "snapshots", snapshots.take_snapshot, snapshots.TakeSnapshot, Snapshot),
    Row("POST", "snapshots/gc", snapshots.collect_garbage, snapshots.Collect, Collected),
    Row("GET", "snapshots/{ref}", show_snapshot, None, SnapshotDetail),
    Row("GET", "snapshots/{ref}/files/{path}", snapshots.download_file, None, Download),
    Row("GET", "snapshots/{ref}/diff", snapshots.diff_snapshots, None, list[FileChange]),
    Row("POST", "snapshots/{ref}/restore", snapshots.restore_snapshot, snapshots.NewFolder, Restored),
    Row("GET", "snapshots/{ref}/export", snapshots.export_snapshot, None, Download),
    Row("GET", "models", models.list_models, None, list[Model]),
    Row("POST", "models", models.register_model, models.RegisterModel, ModelVersion),
    Row("GET", "models/{name}", show_model, None, Model),
    Row("PATCH", "models/{name}", models.change_model, models.ChangeModel, Model),
    Row("DELETE", "models/{name}", delete_model, None, None),
    Row("GET", "models/{ref}/python", model_program, None, LoadingProgram),
    Row("POST", "models/{name}/aliases/{alias}", models.alias_model, models.NameVersion, ModelVersion),
    Row("DELETE", "models/{name}/aliases/{alias}", unalias_model, None, None),
    Row("GET", VERSION, models.show_model_version, None, ModelVersion),
    Row("PATCH", VERSION, models.change_model_version, models.ChangeModelVersion, ModelVersion),
    Row("GET", VERSION + "/contents", models.show_model_contents, None, ModelContents),
    Row("GET", "models/{name}/comparison", models.compare_model_versions, None, VersionComparison),
    Row("GET", "models/{name}/delivered", show_delivered, None, Delivered),
    Row("POST", VERSION + "/download", models.download_model_version, snapshots.NewFolder, models.Downloaded),
    Row("DELETE", VERSION, models.delete_model_version, None, None),
    Row("GET", "lineage/{kind}/{ref}", lineage, None, Lineage),
    Row("GET", "manifests", manifests.list_manifests, None, list[Manifest]),
    Row("POST", "manifests", manifests.create_manifest, manifests.CreateManifest, Manifest),
    Row("GET", "manifests/{ref}", show_manifest, None, Manifest),
    Row("DELETE", "manifests/{ref}", delete_manifest, None, None),
    Row("GET", "manifests/{ref}/diff", manifests.diff_manifests, None, list[FieldChange]),
    Row("GET", "images", list_images, None, list[Image]),
    Row("POST", "images", images.build_image, images.BuildImage, Activity),
    Row("GET", "images/{ref}", show_image, None, Image),
    Row("POST", "images/{ref}/test", images.test_image, None, Activity),
    Row("POST", "images/{ref}/push", images.push_image, images.PushImage, Activity),
    Row("POST", "images/{ref}/export", images.export_image, images.NewFile, Activity),
    Row("DELETE", "images/{ref}", delete_image, None, None),
    Row("GET", "services", services.list_services, None, list[services.Service]),
    Row("POST", "services", services.deploy_service, services.DeployService, Activity),
    Row("GET", "services/{name}", services.show_service, None, services.Service),
    Row("PATCH", "services/{name}", services.configure_service, services.ConfigureService, services.Service),
    Row("DELETE", "services/{name}", delete_service, None, Activity),
    Row("POST", "services/{name}/update", deployments.update_service, deployments.UpdateService, Activity),
    Row("POST", "services/{name}/rollback", rollback, None, Activity),
    Row("PATCH", "services/{name}/traffic", deployments.set_traffic, deployments.SetTraffic, services.Service),
    Row("GET", "services/{name}/mirror", mirrored, None, list[Mirrored]),
    Row("PATCH", "services/{name}/mirror", deployments.set_mirror, deployments.SetMirror, services.Service),
    Row("DELETE", "services/{name}/deployments/{deployment}", remove_deployment, None, Activity),
    Row("GET", "services/{name}/keys", service_keys, None, Keys, "write"),
    Row("POST", "services/{name}/keys/{which}/regenerate", regenerate_key, None, Keys),
    Row("GET", "services/{name}/clients/{language}", services.show_client, None, ClientProgram),
    Row("POST", "services/{name}/scale", scaling.scale_service, scaling.ScaleService, services.Service),
    Row("GET", "services/{name}/certificate", show_certificate, None, Trust),
    Row("POST", "services/{name}/certificate", services.renew_certificate, services.RenewCertificate, Trust),
    Row("GET", "services/{name}/figures", service_figures, None, Figures),
    Row("GET", "services/{name}/example", services.show_example, None, Example),
    Row("GET", "services/{name}/telemetry", services.show_telemetry, None, list[Request]),
    Row("GET", "services/{name}/logs", services.show_service_logs, None, list[str]),
    Row("POST", "services/{name}/score", services.score_service, Raw, Any),
    Row("GET", "counts", all_counts, None, list[ServiceCounts]),
    Row("GET", "hosts", hosts.list_hosts, None, list[HostState]),
    Row("POST", "hosts", hosts.add_host, hosts.AddHost, NamedHost),
    Row("GET", "hosts/{name}/check", check_host, None, HostState),
    Row("DELETE", "hosts/{name}", remove_host, None, None),
    Row("GET", "activities", activities.list_activities, None, list[Activity]),
    Row("GET", "activities/{id}", acts.show_activity, None, Activity),
    Row("POST", "activities/{id}/cancel", acts.cancel_activity, None, Activity),
    Row("GET", "events", activities.list_events, None, list[Event]),
)

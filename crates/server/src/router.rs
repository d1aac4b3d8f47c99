//! Every URL, on one screen.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::SwaggerUi;

use crate::admit::Class;
use crate::app::Shared;
use crate::error::Problem;
use crate::headers::{CSP_DOCS, secure};
use crate::watch::{self, Around};
use crate::{
    alarm, appeal, area, check_in, collect, dashboard, declare, demo, division, import, log, login, look,
    order, pass, publication, retention, review, rights, scan, service, site, staff,
};

#[derive(OpenApi)]
#[openapi(
    info(title = "Kangma 康码", license(name = "Apache-2.0", identifier = "Apache-2.0"),
        description = "An open health-code platform. Errors are RFC 9457 problem+json with a stable `code` and a \
            `detail` in the language of Accept-Language (zh by default, en; texts of a pack also in what more it ships), and any route may answer 429 or 503 \
            with Retry-After. Residents and staff authenticate by \
            cookie or by `Authorization: Bearer`; a write by cookie also needs the header `X-Kangma: 1`."),
    tags((name = "resident"), (name = "verifier"), (name = "staff"), (name = "site"), (name = "demo"))
)]
struct ApiDoc;

/// What people wait for at a gate. The site and the divisions lie in memory and take no time; the
/// page cannot show a code without them.
fn codes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(site::site))
        .routes(routes!(site::page_texts))
        .routes(routes!(site::pack_languages))
        .routes(routes!(pass::http::me))
        .routes(routes!(pass::http::code))
        .routes(routes!(order::http::notices::list))
        .routes(routes!(scan::http::scan))
        .routes(routes!(division::http::list))
        .routes(routes!(pass::http::keys))
}

/// What can be done a minute later.
fn declarations() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(login::http::send_code))
        .routes(routes!(login::http::log_in))
        .routes(routes!(login::http::renew))
        .routes(routes!(login::http::log_out))
        .routes(routes!(declare::http::form))
        .routes(routes!(declare::http::declare))
        .routes(routes!(declare::http::list))
        .routes(routes!(look::http::looks))
        .routes(routes!(retention::http::mine))
        .routes(routes!(declare::http::prove))
        .routes(routes!(pass::proof::proof))
        .routes(routes!(check_in::http::check_in, check_in::http::list))
        .routes(routes!(collect::http::mine))
}

/// The reviewers' desk.
fn reviews() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(staff::http::log_in))
        .routes(routes!(staff::http::log_out))
        .routes(routes!(staff::http::me))
        .routes(routes!(rights::http::accounts))
        .routes(routes!(rights::http::account, rights::http::end_account))
        .routes(routes!(rights::http::reset_second_factor))
        .routes(routes!(rights::http::end_sessions))
        .routes(routes!(rights::http::withdraw))
        .routes(routes!(rights::http::give))
        .routes(routes!(rights::http::end_grant))
        .routes(routes!(rights::http::invite))
        .routes(routes!(rights::http::accept))
        .routes(routes!(rights::http::roles))
        .routes(routes!(rights::http::role, rights::http::put_role))
        .routes(routes!(look::http::look_up))
        .routes(routes!(staff::http::sessions))
        .routes(routes!(staff::http::end_session))
        .routes(routes!(staff::http::change_password))
        .routes(routes!(staff::http::enrol))
        .routes(routes!(staff::http::confirm))
        .routes(routes!(review::http::list))
        .routes(routes!(review::http::reasons))
        .routes(routes!(review::http::detail, review::http::settle))
        .routes(routes!(review::http::claim, review::http::release))
        .routes(routes!(review::http::undo))
        .routes(routes!(review::http::escalate))
        .routes(routes!(review::http::read_evidence))
}

/// What collectors send: an entry of sixty people is larger than what others send.
fn collections() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(collect::http::observe, collect::http::recent))
        .routes(routes!(collect::http::enter))
        .routes(routes!(collect::http::assist))
        .layer(DefaultBodyLimit::max(collect::http::BODY_BYTES_MAX))
}

/// What staff order by hand, and what is unusual about it.
fn orders() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(order::http::give, order::http::list))
        .routes(routes!(order::http::detail))
        .routes(routes!(order::http::sign))
        .routes(routes!(order::http::approve))
        .routes(routes!(order::http::withdraw))
        .routes(routes!(order::http::undo::ask, order::http::undo::list))
        .routes(routes!(order::http::undo::sign))
        .routes(routes!(alarm::http::list))
        .routes(routes!(alarm::http::answer))
}

/// Saying that a decision is wrong.
fn appeals() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(appeal::http::make, appeal::http::list))
        .routes(routes!(appeal::http::withdraw))
        .routes(routes!(appeal::http::add_evidence))
        .routes(routes!(appeal::http::read_evidence))
}

/// Writing and publishing packs: a draft is larger than what others send.
fn publications() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(publication::drafts::drafts, publication::drafts::add_draft))
        .routes(routes!(publication::drafts::draft))
        .routes(routes!(publication::drafts::put_files))
        .routes(routes!(publication::drafts::check))
        .routes(routes!(publication::drafts::cases))
        .routes(routes!(publication::typed::attempt))
        .routes(routes!(publication::simulation::simulate, publication::simulation::list))
        .routes(routes!(publication::simulation::read))
        .routes(routes!(publication::simulation::stop))
        .routes(routes!(publication::http::propose))
        .routes(routes!(publication::http::list))
        .routes(routes!(publication::http::status))
        .routes(routes!(publication::http::texts))
        .routes(routes!(publication::http::sign))
        .routes(routes!(publication::http::shadow))
        .routes(routes!(publication::http::publish))
        .routes(routes!(publication::http::stop))
        .routes(routes!(publication::http::roll_back))
        .layer(DefaultBodyLimit::max(publication::drafts::BODY_BYTES_MAX))
}

/// Lists of areas at risk: a list is larger than what others send.
fn areas() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(area::http::propose, area::http::list))
        .routes(routes!(area::http::check))
        .routes(routes!(area::http::detail))
        .routes(routes!(area::http::sign))
        .routes(routes!(area::http::withdraw))
        .layer(DefaultBodyLimit::max(area::http::BODY_BYTES_MAX))
}

/// What anybody may know.
fn public() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(publication::registry::packs))
        .routes(routes!(area::http::public))
        .routes(routes!(appeal::public::figures))
        .route("/public/appeals", get(appeal::public::page))
        .routes(routes!(log::overrides::figures))
        .route("/public/overrides", get(log::overrides::page))
        .route("/log/key", get(log::http::key))
        .route("/log/checkpoint", get(log::http::checkpoint))
        .route("/log/checkpoint/cosigned", get(log::http::cosigned))
        .route("/log/tile/{*path}", get(log::http::tile))
        .route("/log/cosignature", post(log::http::cosignature))
}

/// Lists of offices.
fn imports() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(import::http::kinds))
        .routes(routes!(import::http::list))
        .routes(routes!(import::http::detail, import::http::forget))
        .routes(routes!(import::http::mapping))
        .routes(routes!(import::http::start))
        .routes(routes!(import::http::stop))
        .routes(routes!(import::http::lines))
        .routes(routes!(import::http::reasons))
        .routes(routes!(import::http::error_file))
}

/// Files, which have a limit of their own, and records of machines.
fn uploads() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(import::http::upload)).routes(routes!(import::records::records))
}

/// Counts for offices, what devices say of themselves, and how the service is.
fn dashboards() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(dashboard::http::numbers))
        .routes(routes!(dashboard::http::series))
        .routes(routes!(dashboard::http::children))
        .routes(routes!(dashboard::map::map))
        .routes(routes!(appeal::public::panel))
        .routes(routes!(dashboard::live::live))
        .routes(routes!(dashboard::device::heartbeat))
        .routes(routes!(service::http::service))
}

/// Files for offices.
fn exports() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(dashboard::export::export))
}

/// Outside the gate: a balancer must not take a node away because it is busy.
fn health() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(site::readyz))
}

fn demo_only() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(demo::http::index))
        .routes(routes!(demo::http::outbox))
        .routes(routes!(demo::http::advance))
        .route("/demo/style.css", get(demo::http::style))
}

/// The description of the API, with the demo's routes marked by their tag.
pub fn openapi() -> utoipa::openapi::OpenApi {
    OpenApiRouter::<Shared>::with_openapi(ApiDoc::openapi())
        .merge(codes())
        .merge(declarations())
        .merge(reviews())
        .merge(collections())
        .merge(appeals())
        .merge(orders())
        .merge(publications())
        .merge(areas())
        .merge(public())
        .merge(imports())
        .merge(uploads())
        .merge(dashboards())
        .merge(exports())
        .merge(health())
        .merge(demo_only())
        .merge(OpenApiRouter::new().routes(routes!(site::livez)))
        .to_openapi()
}

/// All routes of an application.
pub fn router(app: Shared) -> Router {
    let group = |class, routes: Router<Shared>| {
        let around = Around { app: Arc::clone(&app), class };
        // One layer for all that is around a request: each costs two microseconds of its own.
        routes.layer(from_fn_with_state(around, watch::request)).with_state(Arc::clone(&app))
    };
    let rest = Router::from(health())
        .route("/api/openapi.json", get(async || axum::Json(openapi())))
        .route("/api/{*rest}", get(async || Problem::not_found()));
    let mut routes = Router::new()
        .merge(group(Some(Class::Code), codes().into()))
        .merge(group(Some(Class::Declaration), declarations().into()))
        .merge(group(Some(Class::Appeal), reviews().into()))
        .merge(group(Some(Class::Declaration), collections().into()))
        .merge(group(Some(Class::Appeal), appeals().into()))
        .merge(group(Some(Class::Appeal), orders().into()))
        .merge(group(Some(Class::Appeal), publications().into()))
        .merge(group(Some(Class::Appeal), areas().into()))
        .merge(group(Some(Class::Dashboard), public().into()))
        .merge(group(Some(Class::Export), imports().into()))
        .merge(group(
            Some(Class::Export),
            // The inner limit is the one that counts: a file is counted as it comes in.
            Router::from(uploads()).layer(DefaultBodyLimit::max(import::records::BODY_BYTES_MAX)),
        ))
        .merge(group(Some(Class::Dashboard), dashboards().into()))
        .merge(group(Some(Class::Export), exports().into()))
        .merge(group(None, rest));
    if app.config.demo {
        routes = routes.merge(group(Some(Class::Declaration), demo_only().into()));
    }
    let docs = Router::from(
        SwaggerUi::new("/api/docs").config(utoipa_swagger_ui::Config::from("/api/openapi.json")),
    )
    .layer(from_fn(relaxed_styles));
    let pages = Router::new().merge(docs).merge(crate::pages::router(app)).layer(from_fn(secure));
    Router::new()
        .merge(routes)
        .merge(pages)
        // Outside every layer: what a load balancer asks, and the yardstick of the bench.
        .route("/livez", get(site::livez))
}

/// The API's own pages bring inline styles; nothing else of theirs is trusted more.
async fn relaxed_styles(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP_DOCS));
    response
}

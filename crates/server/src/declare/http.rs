//! Requests and answers of declaring.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kangma_core::declaration::{FormFieldView, validate};
use kangma_core::division::divisions;
use kangma_core::fact::{Fact, Kind, Value};
use kangma_core::identity::{Document, DocumentType, IdentityError, Name};
use kangma_core::rules::pack::Pack;
use kangma_core::time::{Day, Instant};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Declaration, Declared};
use crate::account::{self, Account};
use crate::app::Shared;
use crate::auth::Resident;
use crate::error::{FieldProblem, Problem, ProblemBody};
use crate::http::{Body, IdempotencyKey, Private};
use crate::lang::Reads;
use crate::limit::{ClientAddress, Who};
use crate::person;

/// What the pack asks.
#[derive(Serialize, ToSchema)]
pub struct Form {
    /// The pack that asks.
    pack: PackName,
    /// What to agree to.
    commitment: Commitment,
    /// Documents that are taken.
    document_types: Vec<Choice>,
    /// The questions, in order.
    fields: Vec<FormField>,
}

/// A pack by name.
#[derive(Serialize, ToSchema)]
pub struct PackName {
    /// Stable id.
    id: String,
    /// Version.
    version: String,
    /// Name in the reader's language.
    name: String,
}

/// The commitment that a person accepts.
#[derive(Serialize, ToSchema)]
pub struct Commitment {
    /// To be sent back with the declaration.
    version: String,
    /// The text.
    text: String,
}

/// A word and its label.
#[derive(Serialize, ToSchema)]
pub struct Choice {
    /// To be sent.
    value: String,
    /// To be read.
    label: String,
}

/// One question.
#[derive(Serialize, ToSchema)]
pub struct FormField {
    /// Shape and limits.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    shape: FormFieldView,
    /// The question.
    label: String,
    /// Help, where the question needs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
    /// Answers to choose from, with labels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    options: Vec<Choice>,
}

/// For whom a form is asked.
#[derive(Deserialize, IntoParams)]
pub struct FormQuery {
    /// Code of the division of one's stay or destination; the installation's own form without it.
    #[serde(default)]
    division: String,
}

/// The form of the pack that is in force somewhere.
#[utoipa::path(get, path = "/api/v1/declaration-form", tag = "resident", params(FormQuery),
    responses((status = 200, body = Form)))]
pub async fn form(
    State(app): State<Shared>,
    Reads(lang): Reads,
    Query(asked): Query<FormQuery>,
) -> Private<Form> {
    let pack = app.packs.of(&asked.division, app.clock.now());
    let fields = pack.form.fields.iter().map(|field| {
        let shape = field.view();
        let options = shape
            .options
            .iter()
            .map(|value| Choice {
                value: (*value).to_owned(),
                label: pack.option_label(&field.field, value, lang),
            })
            .collect();
        FormField {
            label: pack.field_label(&field.field, lang),
            help: pack.field_help(&field.field, lang),
            options,
            shape,
        }
    });
    Private(Form {
        pack: PackName {
            id: pack.id.to_string(),
            version: pack.version.to_string(),
            name: pack.name(lang).to_owned(),
        },
        commitment: Commitment {
            version: pack.form.commitment.clone(),
            text: pack.commitment_text(lang).to_owned(),
        },
        document_types: DocumentType::ALL
            .iter()
            .map(|ty| Choice {
                value: ty.name().to_owned(),
                label: pack.said(document_key(*ty), lang).to_owned(),
            })
            .collect(),
        fields: fields.collect(),
    })
}

fn document_key(ty: DocumentType) -> &'static str {
    match ty {
        DocumentType::ResidentId => "document.resident_id",
        DocumentType::ResidencePermit => "document.residence_permit",
        DocumentType::HkMoPermit => "document.hk_mo_permit",
        DocumentType::TwPermit => "document.tw_permit",
        DocumentType::Passport => "document.passport",
        DocumentType::ForeignPr => "document.foreign_pr",
    }
}

/// A declaration.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclarationRequest {
    /// Full name, 1 to 100 letters.
    #[schema(example = "张测试")]
    name: String,
    /// Identity document.
    document: DocumentRequest,
    /// Answers by field of the declaration form.
    #[schema(value_type = Object)]
    answers: serde_json::Map<String, serde_json::Value>,
    /// Version of the commitment that the person accepted.
    commitment: String,
}

/// An identity document.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DocumentRequest {
    /// Kind of document.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "resident_id")]
    ty: DocumentType,
    /// Its number, in any usual spelling.
    #[schema(example = "11010519491231002X")]
    number: String,
    /// ISO 3166 alpha-3, of passports.
    nationality: Option<String>,
}

impl DocumentRequest {
    /// As a document.
    pub fn parse(&self, today: Day) -> Result<Document, IdentityError> {
        Document::parse(self.ty, &self.number, self.nationality.as_deref(), today)
    }
}

/// What became of a declaration.
#[derive(Serialize, ToSchema)]
pub struct DeclarationAnswer {
    /// Its identifier.
    declaration: String,
    /// `accepted`: read the code; `needs_proof` or `in_review`: the identity comes first.
    state: Declared,
}

/// Declares. Declaring again replaces nothing: every declaration stays on the record. The same
/// `Idempotency-Key` sent again records nothing more and answers the same.
#[utoipa::path(post, path = "/api/v1/declarations", tag = "resident", request_body = DeclarationRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "8 to 64 letters, digits, - or _")),
    responses((status = 201, body = DeclarationAnswer), (status = 401, body = ProblemBody),
        (status = 409, body = ProblemBody), (status = 422, body = ProblemBody), (status = 429, body = ProblemBody),
        (status = 503, body = ProblemBody)))]
pub async fn declare(
    State(app): State<Shared>,
    who: Resident,
    key: IdempotencyKey,
    Body(ask): Body<DeclarationRequest>,
) -> Result<Response, Problem> {
    let declaration = check(&app, ask)?;
    app.limits.declarations.take(&Who::from(&who))?;
    let (id, state) = super::declare(&app, who, &key, declaration).await?;
    Ok((StatusCode::CREATED, Private(DeclarationAnswer { declaration: id.to_string(), state }))
        .into_response())
}

/// The pack that asks somebody who gives these answers: that of their stay, or of their destination.
fn pack_for(app: &Shared, answers: &serde_json::Map<String, serde_json::Value>) -> Arc<Pack> {
    let text = |field| answers.get(field).and_then(serde_json::Value::as_str);
    let intends = text("subject") == Some("intending");
    let place = text("destination").filter(|_| intends).or_else(|| text("residence"));
    app.packs.of(place.unwrap_or(""), app.clock.now())
}

/// Checks everything at once, so that a person mends a form once.
pub fn check(app: &Shared, ask: DeclarationRequest) -> Result<Declaration, Problem> {
    let pack = pack_for(app, &ask.answers);
    let today = pack.zone.day_of(app.clock.now());
    let mut wrong: Vec<FieldProblem> = Vec::new();
    let mut refuse = |field: &str, code, zh: &str, en: &str| {
        wrong.push(FieldProblem { field: field.to_owned(), code, zh: zh.to_owned(), en: en.to_owned() });
    };
    let name = Name::parse(&ask.name).map_err(|e| refuse("name", e.code, e.zh, e.en));
    let document = ask.document.parse(today).map_err(|e| refuse("document.number", e.code, e.zh, e.en));
    let values = validate(&pack.form, &ask.answers, divisions(), today).map_err(|errors| {
        errors.iter().for_each(|e| refuse(&format!("answers.{}", e.field), e.code, &e.zh, &e.en));
    });
    if ask.commitment != pack.form.commitment {
        refuse(
            "commitment",
            "declaration.commitment",
            "请阅读并同意最新的承诺书后再提交。",
            "Please read and accept the present commitment before submitting.",
        );
    }
    match (name, document, values) {
        (Ok(name), Ok(document), Ok(values)) if wrong.is_empty() => {
            Ok(Declaration { name, document, values, commitment: ask.commitment })
        }
        _ => Err(Problem::fields(wrong)),
    }
}

/// One's own declarations.
#[derive(Serialize, ToSchema)]
pub struct Declarations {
    /// Newest first.
    items: Vec<DeclarationItem>,
}

/// One declaration.
#[derive(Serialize, ToSchema)]
pub struct DeclarationItem {
    /// Its identifier.
    id: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    at: Instant,
    /// What was declared.
    answers: Vec<AnswerText>,
}

/// One answer, as the form shows it.
#[derive(Serialize, ToSchema)]
pub struct AnswerText {
    /// The question.
    label: String,
    /// The answer.
    value: String,
}

/// Reads what one has declared.
#[utoipa::path(get, path = "/api/v1/me/declarations", tag = "resident",
    responses((status = 200, body = Declarations), (status = 401, body = ProblemBody)))]
pub async fn list(
    State(app): State<Shared>,
    who: Resident,
    Reads(lang): Reads,
) -> Result<Private<Declarations>, Problem> {
    app.limits.reads.take(&Who::from(&who))?;
    let Some(id) = account::holder(&app, who).await? else {
        return Ok(Private(Declarations { items: Vec::new() }));
    };
    let person = person::load(&app, id).await?.ok_or_else(Problem::unauthorised)?;
    if let Some(state) = &person.stored {
        account::still_holds(state, who)?;
    }
    let pack = app.packs.at(person.division(), app.clock.now());
    let asked = |fact: &Fact| {
        let fields = pack.form.fields.iter().filter(|f| *fact.get(&f.field) != Value::Missing);
        fields
            .map(|f| AnswerText {
                label: pack.field_label(&f.field, lang),
                value: pack.value_text(&f.field, fact.get(&f.field), lang),
            })
            .collect()
    };
    let items = person
        .facts
        .iter()
        .rev()
        .filter(|f| f.kind == Kind::Declaration)
        .map(|f| DeclarationItem { id: f.id.to_string(), at: f.happened, answers: asked(f) })
        .collect();
    Ok(Private(Declarations { items }))
}

/// The account behind a token.
pub async fn known(app: &Shared, who: Resident) -> Result<Account, Problem> {
    account::find(app, who.account).await?.ok_or_else(Problem::unauthorised)
}

/// A proof of identity.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProofRequest {
    /// The code from the message.
    proof: String,
}

/// What became of a proof.
#[derive(Serialize, ToSchema)]
pub struct ProofAnswer {
    /// `accepted`.
    state: Declared,
}

/// Proves the identity behind a declaration that waits for it (demo mode's stand-in for a face or
/// counter check).
#[utoipa::path(post, path = "/api/v1/me/identity/proof", tag = "resident", request_body = ProofRequest,
    responses((status = 200, body = ProofAnswer), (status = 409, body = ProblemBody), (status = 422, body = ProblemBody),
        (status = 429, body = ProblemBody)))]
pub async fn prove(
    State(app): State<Shared>,
    who: Resident,
    from: ClientAddress,
    Body(ask): Body<ProofRequest>,
) -> Result<Private<ProofAnswer>, Problem> {
    app.limits.tries.take(&from)?;
    app.limits.proofs.take(&Who::from(&who))?;
    let account = known(&app, who).await?;
    super::prove(&app, &account, ask.proof.trim()).await?;
    Ok(Private(ProofAnswer { state: Declared::Accepted }))
}

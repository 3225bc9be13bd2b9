$version: "2.0"

namespace com.example.orders

use aws.protocols#restJson1

/// Orders, profiles and tickets of customers: three services behind one router, each row of one tenant.
/// Made from it: `authorizer/actions.json` and `policies/schema.cedarschema` (see `README.md`).
@restJson1
@httpBearerAuth
service Orders {
    version: "2026-01-01"
    resources: [Order, Profile, Ticket]
    errors: [
        ValidationException
        UnauthorizedException
        AccessDeniedException
        InternalServerException
        ServiceUnavailableException
    ]
}

/// Its properties are what a policy may read of an order.
resource Order {
    identifiers: { id: OrderId }
    properties: { owner: UserId, tenant_id: String }
    create: CreateOrder
    read: GetOrder
    delete: CancelOrder
    list: ListOrders
}

/// A caller: the `sub` of the access token.
resource User {
    identifiers: { userId: UserId }
}

string OrderId

/// What is ordered; a length counts characters (Unicode scalar values).
@length(min: 1, max: 200)
string Item

@references([{ resource: User }])
string UserId

@readonly
@http(method: "GET", uri: "/api/commercial/orders")
operation ListOrders {
    output := {
        @required
        orders: OrderList
    }
}

@http(method: "POST", uri: "/api/commercial/orders", code: 201)
operation CreateOrder {
    input := {
        @required
        @notProperty
        item: Item
    }
    output := with [OrderView] {}
}

@readonly
@http(method: "GET", uri: "/api/commercial/orders/{id}")
operation GetOrder {
    input := with [OrderInPath] {}
    output := with [OrderView] {}
    errors: [ResourceNotFoundException]
}

@idempotent
@http(method: "DELETE", uri: "/api/commercial/orders/{id}", code: 204)
operation CancelOrder {
    input := with [OrderInPath] {}
    errors: [ResourceNotFoundException]
}

@mixin
structure OrderInPath {
    @required
    @httpLabel
    id: OrderId
}

@mixin
structure OrderView {
    @required
    @notProperty
    id: OrderId

    @required
    @notProperty
    item: Item
}

structure OrderSummary with [OrderView] {}

list OrderList {
    member: OrderSummary
}

/// Served by `services/users.py`.
resource Profile {
    identifiers: { id: ProfileId }
    properties: { owner: UserId, tenant_id: String }
    read: GetProfile
    list: ListProfiles
}

string ProfileId

@readonly
@http(method: "GET", uri: "/api/users/profiles")
operation ListProfiles {
    output := {
        @required
        profiles: ProfileList
    }
}

@readonly
@http(method: "GET", uri: "/api/users/profiles/{id}")
operation GetProfile {
    input := {
        @required
        @httpLabel
        id: ProfileId
    }
    output := with [ProfileView] {}
    errors: [ResourceNotFoundException]
}

@mixin
structure ProfileView {
    @required
    @notProperty
    id: ProfileId

    @required
    @notProperty
    name: String
}

structure ProfileSummary with [ProfileView] {}

list ProfileList {
    member: ProfileSummary
}

/// Served by `services/support.py`.
resource Ticket {
    identifiers: { id: TicketId }
    properties: { owner: UserId, tenant_id: String }
    read: GetTicket
    list: ListTickets
}

string TicketId

@readonly
@http(method: "GET", uri: "/api/support/tickets")
operation ListTickets {
    output := {
        @required
        tickets: TicketList
    }
}

@readonly
@http(method: "GET", uri: "/api/support/tickets/{id}")
operation GetTicket {
    input := {
        @required
        @httpLabel
        id: TicketId
    }
    output := with [TicketView] {}
    errors: [ResourceNotFoundException]
}

@mixin
structure TicketView {
    @required
    @notProperty
    id: TicketId

    @required
    @notProperty
    subject: String
}

structure TicketSummary with [TicketView] {}

list TicketList {
    member: TicketSummary
}

@mixin
structure ErrorMembers {
    @required
    message: String

    requestId: String
}

@error("client")
@httpError(400)
structure ValidationException with [ErrorMembers] {}

@error("client")
@httpError(401)
structure UnauthorizedException with [ErrorMembers] {}

@error("client")
@httpError(403)
structure AccessDeniedException with [ErrorMembers] {}

@error("client")
@httpError(404)
structure ResourceNotFoundException with [ErrorMembers] {}

@error("server")
@httpError(500)
@retryable
structure InternalServerException with [ErrorMembers] {}

@error("server")
@httpError(503)
@retryable
structure ServiceUnavailableException with [ErrorMembers] {}

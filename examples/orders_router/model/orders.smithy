$version: "2.0"

namespace com.example.orders

use aws.protocols#restJson1

/// Orders of customers, each of one tenant.
/// Made from it: `authorizer/actions.json` and `policies/schema.cedarschema` (see `README.md`).
@restJson1
@httpBearerAuth
service Orders {
    version: "2026-01-01"
    resources: [Order]
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
    identifiers: { orderId: OrderId }
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

@references([{ resource: User }])
string UserId

@readonly
@http(method: "GET", uri: "/orders")
operation ListOrders {
    output := {
        @required
        orders: OrderList
    }
}

@http(method: "POST", uri: "/orders", code: 201)
operation CreateOrder {
    input := {
        @required
        @notProperty
        item: String
    }
    output := with [OrderView] {}
}

@readonly
@http(method: "GET", uri: "/orders/{orderId}")
operation GetOrder {
    input := with [OrderInPath] {}
    output := with [OrderView] {}
    errors: [ResourceNotFoundException]
}

@idempotent
@http(method: "DELETE", uri: "/orders/{orderId}", code: 204)
operation CancelOrder {
    input := with [OrderInPath] {}
    errors: [ResourceNotFoundException]
}

@mixin
structure OrderInPath {
    @required
    @httpLabel
    orderId: OrderId
}

@mixin
structure OrderView {
    @required
    @notProperty
    id: OrderId

    @required
    @notProperty
    item: String
}

structure OrderSummary with [OrderView] {}

list OrderList {
    member: OrderSummary
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

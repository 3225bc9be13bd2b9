$version: "2.0"

namespace com.example.orders

use aws.protocols#restJson1

/// Orders of customers, their invoices and shipments: three services behind one router, each row of one tenant.
/// Made from it: `authorizer/actions.json` and `policies/schema.cedarschema` (see `README.md`).
@restJson1
@httpBearerAuth
service Orders {
    version: "2026-01-01"
    resources: [Order, Invoice, Shipment]
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

/// What is ordered; a length counts characters (Unicode scalar values).
@length(min: 1, max: 200)
string Item

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
        item: Item
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
    item: Item
}

structure OrderSummary with [OrderView] {}

list OrderList {
    member: OrderSummary
}

/// Served by `invoices/`.
resource Invoice {
    identifiers: { invoiceId: InvoiceId }
    properties: { owner: UserId, tenant_id: String }
    read: GetInvoice
    list: ListInvoices
}

string InvoiceId

@readonly
@http(method: "GET", uri: "/invoices")
operation ListInvoices {
    output := {
        @required
        invoices: InvoiceList
    }
}

@readonly
@http(method: "GET", uri: "/invoices/{invoiceId}")
operation GetInvoice {
    input := {
        @required
        @httpLabel
        invoiceId: InvoiceId
    }
    output := with [InvoiceView] {}
    errors: [ResourceNotFoundException]
}

@mixin
structure InvoiceView {
    @required
    @notProperty
    id: InvoiceId

    @required
    @notProperty
    amount: String
}

structure InvoiceSummary with [InvoiceView] {}

list InvoiceList {
    member: InvoiceSummary
}

/// Served by `shipments/`.
resource Shipment {
    identifiers: { shipmentId: ShipmentId }
    properties: { recipient: UserId, tenant_id: String }
    read: GetShipment
    list: ListShipments
}

string ShipmentId

@readonly
@http(method: "GET", uri: "/shipments")
operation ListShipments {
    output := {
        @required
        shipments: ShipmentList
    }
}

@readonly
@http(method: "GET", uri: "/shipments/{shipmentId}")
operation GetShipment {
    input := {
        @required
        @httpLabel
        shipmentId: ShipmentId
    }
    output := with [ShipmentView] {}
    errors: [ResourceNotFoundException]
}

@mixin
structure ShipmentView {
    @required
    @notProperty
    id: ShipmentId

    @required
    @notProperty
    carrier: String
}

structure ShipmentSummary with [ShipmentView] {}

list ShipmentList {
    member: ShipmentSummary
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

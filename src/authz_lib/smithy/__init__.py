"""The words of Smithy: error catalogue, model reader, gateway response templates."""

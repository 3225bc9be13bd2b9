# The same system as template.yaml.  Nothing here holds the secret: Secrets Manager makes it while Terraform runs, it is
# written once through a write-only argument, and neither the plan nor the state ever sees it.

terraform {
  required_version = ">= 1.11" # write-only arguments

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }
}

provider "aws" {
  region = local.region
}

variable "package" {
  description = "The archive of functions/."
  type        = string
  default     = "package.zip"
}

variable "layer" {
  description = "The archive that `authz layer --python 3.12 --arch arm64 -o layer.zip` makes."
  type        = string
  default     = "layer.zip"
}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

# -- the secret ----------------------------------------------------------------------------------------------------

ephemeral "aws_secretsmanager_random_password" "shared" {
  password_length     = 64
  exclude_punctuation = true
}

resource "aws_secretsmanager_secret" "shared" {
  name = "hello-api/shared-secret"
}

resource "aws_secretsmanager_secret_version" "shared" {
  secret_id                = aws_secretsmanager_secret.shared.id
  secret_string_wo         = ephemeral.aws_secretsmanager_random_password.shared.random_password
  secret_string_wo_version = 1 # another number makes another secret
}

# -- one role for the three functions ------------------------------------------------------------------------------

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "lambda" {
  statement {
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [aws_secretsmanager_secret.shared.arn]
  }
  statement {
    actions   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    resources = [for name in keys(local.functions) : "${local.log_groups}/aws/lambda/${name}:*"]
  }
}

resource "aws_iam_role" "lambda" {
  name               = "lambda-exec-role"
  assume_role_policy = data.aws_iam_policy_document.assume.json
}

resource "aws_iam_role_policy" "lambda" {
  name   = "read-the-secret-write-logs"
  role   = aws_iam_role.lambda.id
  policy = data.aws_iam_policy_document.lambda.json
}

# -- the three functions -------------------------------------------------------------------------------------------

locals {
  region = "ap-southeast-3"
  log_groups = join(":", [
    "arn", data.aws_partition.current.partition, "logs", local.region,
    data.aws_caller_identity.current.account_id, "log-group",
  ])
  hello_url = join("", [
    "https://", aws_api_gateway_rest_api.hello.id, ".execute-api.", local.region, ".",
    data.aws_partition.current.dns_suffix, "/prod/hello",
  ])
  functions = {
    hello-world       = { handler = "hello_world.handler", environment = {} }
    lambda-authorizer = { handler = "lambda_authorizer.handler", environment = { SECRET_ARN = aws_secretsmanager_secret.shared.arn } }
    apigw-invoker = {
      handler     = "apigw_invoker.handler"
      environment = { SECRET_ARN = aws_secretsmanager_secret.shared.arn, HELLO_URL = local.hello_url }
    }
  }
}

resource "aws_lambda_layer_version" "library" {
  layer_name               = "hello-api-authz-lib"
  filename                 = var.layer
  source_code_hash         = filebase64sha256(var.layer)
  compatible_runtimes      = ["python3.12"]
  compatible_architectures = ["arm64"]
}

resource "aws_lambda_function" "this" {
  for_each = local.functions

  function_name    = each.key
  role             = aws_iam_role.lambda.arn
  runtime          = "python3.12"
  architectures    = ["arm64"]
  layers           = [aws_lambda_layer_version.library.arn]
  handler          = each.value.handler
  filename         = var.package
  source_code_hash = filebase64sha256(var.package)
  timeout          = 10
  memory_size      = 256

  dynamic "environment" {
    for_each = length(each.value.environment) == 0 ? [] : [each.value.environment]
    content {
      variables = environment.value
    }
  }

  depends_on = [aws_iam_role_policy.lambda, aws_secretsmanager_secret_version.shared]
}

# -- the API -------------------------------------------------------------------------------------------------------

resource "aws_api_gateway_rest_api" "hello" {
  name = "hello-api"
}

resource "aws_api_gateway_authorizer" "shared_secret" {
  name                             = "shared-secret"
  rest_api_id                      = aws_api_gateway_rest_api.hello.id
  type                             = "TOKEN"
  identity_source                  = "method.request.header.Authorization"
  authorizer_uri                   = aws_lambda_function.this["lambda-authorizer"].invoke_arn
  authorizer_result_ttl_in_seconds = 0 # nothing remembered: a token ends when it says so
}

resource "aws_api_gateway_resource" "hello" {
  rest_api_id = aws_api_gateway_rest_api.hello.id
  parent_id   = aws_api_gateway_rest_api.hello.root_resource_id
  path_part   = "hello"
}

resource "aws_api_gateway_method" "hello" {
  rest_api_id   = aws_api_gateway_rest_api.hello.id
  resource_id   = aws_api_gateway_resource.hello.id
  http_method   = "GET"
  authorization = "CUSTOM"
  authorizer_id = aws_api_gateway_authorizer.shared_secret.id
}

resource "aws_api_gateway_integration" "hello" {
  rest_api_id             = aws_api_gateway_rest_api.hello.id
  resource_id             = aws_api_gateway_resource.hello.id
  http_method             = aws_api_gateway_method.hello.http_method
  type                    = "AWS_PROXY"
  integration_http_method = "POST"
  uri                     = aws_lambda_function.this["hello-world"].invoke_arn
}

resource "aws_api_gateway_deployment" "hello" {
  rest_api_id = aws_api_gateway_rest_api.hello.id

  # A change of any of these is deployed; without it, the stage would keep its old shape.
  triggers = {
    shape = sha1(jsonencode([
      aws_api_gateway_resource.hello, aws_api_gateway_method.hello,
      aws_api_gateway_integration.hello, aws_api_gateway_authorizer.shared_secret,
    ]))
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_api_gateway_stage" "prod" {
  rest_api_id   = aws_api_gateway_rest_api.hello.id
  deployment_id = aws_api_gateway_deployment.hello.id
  stage_name    = "prod"
}

resource "aws_lambda_permission" "authorizer" {
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this["lambda-authorizer"].function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_api_gateway_rest_api.hello.execution_arn}/authorizers/${aws_api_gateway_authorizer.shared_secret.id}"
}

resource "aws_lambda_permission" "hello_world" {
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this["hello-world"].function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_api_gateway_rest_api.hello.execution_arn}/prod/GET/hello"
}

output "hello_url" {
  value = local.hello_url
}

package objects

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// corsRule names our rule among those of a bucket.
const corsRule = "rawlink-uploads"

// AllowOrigins lets pages of these web origins upload to the bucket, by one rule of
// ours: rules that others made stay as they are, and where one of them allows
// enough nothing is changed.
func (s *S3) AllowOrigins(ctx context.Context, origins []string) error {
	out, err := s.client.GetBucketCors(ctx, &s3.GetBucketCorsInput{Bucket: &s.bucket})
	if err != nil && codeOf(err) != "NoSuchCORSConfiguration" {
		return translate("get CORS rules", err)
	}
	var rules []types.CORSRule
	if out != nil {
		rules = out.CORSRules
	}
	if !slices.ContainsFunc(origins, func(origin string) bool { return !allowed(rules, origin) }) {
		return nil
	}
	rules = slices.DeleteFunc(slices.Clone(rules), func(r types.CORSRule) bool { return aws.ToString(r.ID) == corsRule })
	rules = append(rules, types.CORSRule{
		ID: aws.String(corsRule), AllowedOrigins: origins, AllowedMethods: []string{"PUT"},
		AllowedHeaders: []string{"*"}, ExposeHeaders: []string{"ETag"}, MaxAgeSeconds: aws.Int32(3600),
	})
	_, err = s.client.PutBucketCors(ctx, &s3.PutBucketCorsInput{Bucket: &s.bucket, CORSConfiguration: &types.CORSConfiguration{CORSRules: rules}})
	return translate("set CORS rules", err)
}

// allowed reports whether one rule lets an origin upload and read the ETag.
func allowed(rules []types.CORSRule, origin string) bool {
	has := func(values []string, wanted string) bool {
		return slices.Contains(values, wanted) || slices.Contains(values, "*")
	}
	return slices.ContainsFunc(rules, func(r types.CORSRule) bool {
		return has(r.AllowedOrigins, origin) && slices.Contains(r.AllowedMethods, "PUT") && slices.Contains(r.AllowedHeaders, "*") && has(r.ExposeHeaders, "ETag")
	})
}

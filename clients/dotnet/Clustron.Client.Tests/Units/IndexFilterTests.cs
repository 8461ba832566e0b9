using StackExchange.Redis;

namespace Clustron.Tests;

/// <summary>Queries as they are sent.</summary>
public class IndexFilterTests
{
    private static readonly TagField City = IndexField.Tag("city");
    private static readonly NumField Age = IndexField.Num("age");
    private static readonly TextField Bio = IndexField.Text("bio");
    private readonly FakePort _port = new() { Answer = _ => FakePort.Reply(0, null, Array.Empty<object?>()) };

    private IndexQuery Query => new ClustronClient(_port, new ClustronOptions()).Indexes.Query("people");

    [Fact]
    public async Task Values_are_parameters()
    {
        await Query.Where(City == "Berlin' OR 1" & Age >= 28.5).PageAsync();
        Assert.Equal("INDEX QUERY people WHERE \"city\" = $p0 AND \"age\" >= $p1 LIMIT 1000 RETURN KEYS PARAMS 2 p0 Berlin' OR 1 p1 28.5", _port.Sent.Single());
    }

    [Fact]
    public void Words_of_the_language()
    {
        IndexFilter mixed = City == "a" && (Age < 3 || !Bio.Has("x y")) && City.In("b", "c") && !(City.StartsWith("d") | Bio.HasWordStarting("e"));
        Assert.Equal(
            "\"city\" = $p0 AND (\"age\" < $p1 OR NOT \"bio\" = $p2) AND \"city\" IN ($p3, $p4) AND NOT (\"city\" ^= $p5 OR \"bio\" ^= $p6)", mixed.ToString());
        Assert.Equal("\"so \"\"odd\"\"\" EXISTS", IndexField.Tag("so \"odd\"").Exists.ToString());
        Assert.Equal("NOT \"age\" EXISTS", Age.Absent.ToString());
        Assert.Equal("@key > $p0 AND @key <= $p1", (IndexField.Key > "a" & IndexField.Key <= "b").ToString());
        Assert.Equal("\"city\" != $p0 AND \"age\" != $p1 AND \"age\" IN ($p2, $p3)", (City != "x" & Age != 1 & Age.In(1, 2)).ToString());
        Assert.Equal("\"city\" < $p0 OR \"city\" >= $p1 OR \"age\" > $p2 OR \"age\" <= $p3 OR \"age\" = $p4", IndexFilter.Any([City < "x", City >= "y", Age > 1, Age <= 2, Age == 5])!.ToString());
        Assert.Null(IndexFilter.All([]));
    }

    [Fact]
    public void A_long_chain_is_not_deep()
    {
        IndexFilter all = IndexFilter.All(Enumerable.Range(0, 500).Select(i => Age != i))!;
        Assert.DoesNotContain("(", all.ToString(), StringComparison.Ordinal);
        Assert.Equal(500, all.Write().Values.Count);
    }

    [Fact]
    public async Task A_cursor_goes_on_until_there_is_none()
    {
        _port.Answer = words => words.Contains("AFTER c1", StringComparison.Ordinal)
            ? FakePort.Reply(3, null, new object?[] { "c" })
            : FakePort.Reply(3, "c1", new object?[] { "a", "b" });
        var keys = new List<string>();
        await foreach (RedisKey key in Query.OrderBy(Age, descending: true).OrderBy(City).PageSize(2).KeysAsync()) keys.Add(key!);
        Assert.Equal(["a", "b", "c"], keys);
        Assert.Equal(
            ["INDEX QUERY people SORT 2 age DESC city ASC LIMIT 2 RETURN KEYS", "INDEX QUERY people SORT 2 age DESC city ASC LIMIT 2 AFTER c1 RETURN KEYS"], _port.Sent);
    }

    [Fact]
    public async Task A_purge_goes_on_while_its_slices_are_full()
    {
        int n = 0;
        _port.Answer = _ => FakePort.One(++n < 3 ? 4096 : 7);
        Assert.Equal(2 * 4096 + 7, await Query.Where(City == "x").PurgeAsync());
        Assert.All(_port.Sent, s => Assert.Matches("^ONCE [0-9a-f]{32} 60000 INDEX PURGE people WHERE \"city\" = \\$p0 LIMIT 4096 PARAMS 1 p0 x$", s));
        Assert.Equal(3, _port.Sent.Distinct().Count()); // each slice is a request of its own
        await Assert.ThrowsAsync<InvalidOperationException>(() => Query.PurgeAsync());
    }

    [Fact]
    public async Task An_error_names_its_place()
    {
        _port.Answer = _ => FakePort.Error("ERR WHERE at 18: the index has no field 'age'");
        var error = await Assert.ThrowsAsync<IndexQueryException>(() => Query.Where(City == "x" & Age > 1).CountAsync());
        Assert.Equal((18, "\"city\" = $p0 AND \"age\" > $p1"), (error.Position, error.Expression));
        Assert.EndsWith("(in: \"city\" = $p0 AND ▸\"age\" > $p1)", error.Message, StringComparison.Ordinal);
        _port.Answer = _ => FakePort.Error("ERR no such index 'people'");
        Assert.Equal("ERR", (await Assert.ThrowsAsync<ClustronException>(() => Query.Where(City == "x").CountAsync())).Code);
    }

    [Fact]
    public void What_makes_no_sense_is_refused_before_it_is_sent()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Age > double.NaN);
        Assert.Throws<ArgumentNullException>(() => City == RedisValue.Null);
        Assert.Throws<ArgumentException>(() => City.In());
        Assert.Throws<ArgumentException>(() => IndexField.Tag(""));
        Assert.Throws<ArgumentOutOfRangeException>(() => Query.PageSize(0));
        Assert.Throws<ArgumentException>(() => Indexes.LabelCommand("k", []));
    }

    [Fact]
    public async Task Definitions_and_figures()
    {
        _port.Answer = _ => FakePort.One(1);
        var client = new ClustronClient(_port, new ClustronOptions());
        await client.Indexes.CreateAsync("i", new IndexDefinition { Kind = IndexKind.Labels, Entity = "e", Prefixes = ["a", "b"], Fields = [City, Age, Bio] });
        Assert.EndsWith(" INDEX CREATE i ON LABELS ENTITY e PREFIX 2 a b FIELDS 3 city TAG age NUM bio TEXT", _port.Sent[0], StringComparison.Ordinal);
        _port.Answer = _ => FakePort.Reply();
        await Query.AggregateAsync([City], Reduce.Count, Reduce.Avg(Age), Reduce.Max(City));
        Assert.Equal("INDEX AGGREGATE people GROUP 1 city REDUCE 3 COUNT AVG age MAX city", _port.Sent[1]);
    }
}

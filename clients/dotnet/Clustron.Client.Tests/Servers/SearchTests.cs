using Clustron.Testing;
using StackExchange.Redis;

namespace Clustron.Tests;

/// <summary>Indexes and queries on a node alone, and on three whose leader is killed.</summary>
[Collection(nameof(SingleServer))]
public class SearchTests(SingleServer single) : ServerTest
{
    private static readonly TagField City = IndexField.Tag("city");
    private static readonly NumField Age = IndexField.Num("age");
    private static readonly TextField Bio = IndexField.Text("bio");

    private static async Task<List<T>> All<T>(IAsyncEnumerable<T> rows)
    {
        var all = new List<T>();
        await foreach (T row in rows) all.Add(row);
        return all;
    }

    private async Task<(ClustronClient Client, IndexQuery Query)> PeopleAsync(RedisProtocol protocol)
    {
        ClustronClient client = await Connect(single.Server, protocol);
        Assert.True(await client.Indexes.CreateAsync(Name, new IndexDefinition { Kind = IndexKind.Hash, Prefixes = [Name], Fields = [City, Age, Bio] }));
        HashEntry[][] people =
        [
            [new("city", "Berlin"), new("age", 31), new("bio", "Reads a lot"), new("note", "first")],
            [new("city", "Berlin"), new("age", 45), new("bio", "Writes")],
            [new("city", "Bonn"), new("age", 7.5)],
            [new("city", "O'Hara \"x\" $p0"), new("age", "old")],
        ];
        for (int i = 0; i < people.Length; ++i) await client.Database.HashSetAsync($"{Name}{i}", people[i]);
        await client.Indexes.WaitReadyAsync(Name);
        return (client, client.Indexes.Query(Name));
    }

    private async Task Finds(IndexQuery query, params int[] expected)
    {
        List<RedisKey> keys = await All(query.KeysAsync());
        Assert.Equal(expected, keys.Select(k => int.Parse(k.ToString()[Name.Length..], System.Globalization.CultureInfo.InvariantCulture)));
    }

    [Theory, InlineData(RedisProtocol.Resp2), InlineData(RedisProtocol.Resp3)]
    public async Task What_is_asked_for_is_found(RedisProtocol protocol)
    {
        var (client, query) = await PeopleAsync(protocol);
        await Finds(query.Where(City == "Berlin"), 0, 1);
        await Finds(query.Where(City == "Berlin" & Age < 40), 0);
        await Finds(query.OrderBy(City).OrderBy(Age, descending: true).Where(City.In("Bonn") | City != "Bonn"), 1, 0, 2, 3);
        await Finds(query.Where(City == "O'Hara \"x\" $p0"), 3);
        await Finds(query.Where(Age.Absent), 3);
        await Finds(query.Where(Bio.Has("LOT reads")), 0);
        await Finds(query.Where(Bio.HasWordStarting("wri")), 1);
        await Finds(query.OrderBy(Age, descending: true).PageSize(3), 1, 0, 2, 3);
        await Finds(query.Where(IndexField.Key >= Name + "2" & IndexField.Key < Name + "3"), 2);
        Assert.Equal(2, await query.Where(Age > 7.4 && Age <= 31).CountAsync());
        IndexHit hit = (await All(query.Where(Age == 31).FieldsAsync(["note", "age", "nosuch"]))).Single();
        Assert.Equal(("first", 31, true), ((string?)hit.Fields["note"], (int)hit[Age], hit.Fields["nosuch"].IsNull));
        Assert.Contains("walked", string.Join('\n', await query.Where(City == "Bonn").ExplainAsync()), StringComparison.Ordinal);
        await client.Indexes.DropAsync(Name);
    }

    [Theory, InlineData(RedisProtocol.Resp2), InlineData(RedisProtocol.Resp3)]
    public async Task Figures_pages_and_the_index_itself(RedisProtocol protocol)
    {
        var (client, query) = await PeopleAsync(protocol);
        IReadOnlyList<IndexGroup> groups = await query.Where(Age.Exists).AggregateAsync([City], Reduce.Count, Reduce.Sum(Age), Reduce.Min(Age), Reduce.Avg(Age));
        Assert.Equal(["Berlin", "Bonn"], groups.Select(g => (string?)g.By[0]));
        Assert.Equal([2, 76, 31, 38], groups[0].Results.Select(r => (double)r));
        Assert.Equal(4, (long)(await query.AggregateAsync([], Reduce.Count)).Single().Results.Single());
        IndexPage first = await query.PageSize(3).PageAsync();
        IndexPage second = await query.PageSize(3).PageAsync(first.Cursor);
        Assert.Equal((4, 3, true, 1, true), (first.Total, first.Keys.Count, first.Cursor is not null, second.Keys.Count, second.Cursor is null));
        IndexInfo info = (await client.Indexes.GetAsync(Name))!;
        Assert.Equal((Name, IndexKind.Hash, 4, true, 100), (info.Name, info.Kind, info.Keys, info.IsReady, info.Percent));
        Assert.Equal([Name], info.Prefixes);
        Assert.Equal(new IndexFieldInfo("age", "NUM", 3, 1), info.Fields[1]);
        Assert.Contains(await client.Indexes.ListAsync(), row => row == new IndexRow(Name, IndexKind.Hash, 4, 100));
        Assert.False(await client.Indexes.CreateAsync(Name, new IndexDefinition { Kind = IndexKind.Hash, Prefixes = [Name], Fields = [City, Age, Bio] }));
        await Assert.ThrowsAsync<ClustronException>(() => client.Indexes.CreateAsync(Name, new IndexDefinition { Kind = IndexKind.Keys }));
        var misfit = await Assert.ThrowsAsync<IndexQueryException>(() => query.Where(City == "x" & IndexField.Tag("town") == "y").CountAsync());
        Assert.Equal("\"town\" = $p1", misfit.Expression[(misfit.Position - 1)..]);
        await Assert.ThrowsAsync<IndexQueryException>(async () => await All(query.Where(Bio.Has("x") & new MisusedText("bio").Before("x")).KeysAsync()));
        Assert.True(await client.Indexes.DropAsync(Name));
        Assert.False(await client.Indexes.DropAsync(Name));
        Assert.Null(await client.Indexes.GetAsync(Name));
    }

    /// <summary>A field that is TEXT, taken for a tag.</summary>
    private sealed class MisusedText(string name)
    {
        public IndexFilter Before(string value) => IndexField.Tag(name) < value;
    }

    [Theory, InlineData(RedisProtocol.Resp2), InlineData(RedisProtocol.Resp3)]
    public async Task Labels_find_keys_of_any_type_and_purge_them(RedisProtocol protocol)
    {
        ClustronClient client = await Connect(single.Server, protocol);
        TagField tag = IndexField.Tag("tag");
        await client.Indexes.CreateAsync(Name, new IndexDefinition { Kind = IndexKind.Labels, Entity = Name, Fields = [tag] });
        await client.KeyValue.PutAsync(Name + "s", "text");
        await client.Database.ListRightPushAsync(Name + "l", "x");
        Assert.True(await client.Indexes.LabelAsync(Name + "s", [new("tag", "red"), new("tag", "blue")], Name));
        Assert.True(await client.Indexes.LabelAsync(Name + "l", [new("tag", "red")], Name));
        Assert.False(await client.Indexes.LabelAsync(Name + "nosuch", [new("tag", "red")], Name));
        KeyLabels labels = (await client.Indexes.LabelsAsync(Name + "s"))!;
        Assert.Equal(Name, labels.Entity);
        Assert.Equal([new("tag", "red"), new("tag", "blue")], labels.Labels);
        IndexQuery query = client.Indexes.Query(Name);
        Assert.Equal(2, await query.Where(tag == "red").CountAsync());
        Assert.Equal("text", (string?)(await All(query.Where(tag == "blue").ValuesAsync())).Single().Value);
        Assert.True(await client.Indexes.UnlabelAsync(Name + "l"));
        Assert.Null(await client.Indexes.LabelsAsync(Name + "l"));
        Assert.Equal(1, await query.Where(tag == "red").PurgeAsync());
        Assert.False(await client.KeyValue.ExistsAsync(Name + "s"));
        Assert.True(await client.KeyValue.ExistsAsync(Name + "l"));
        await using LockHandle handle = await client.Locks.AcquireAsync(Name + "l", TimeSpan.FromSeconds(10));
        await Assert.ThrowsAsync<LockedException>(() => client.Indexes.LabelAsync(Name + "l", [new("tag", "red")]));
        Assert.True(await client.Indexes.LabelAsync(Name + "l", [new("tag", "red")], null, handle));
        await client.Indexes.DropAsync(Name);
    }

    [Fact]
    public async Task Pages_miss_nothing_while_the_leader_is_killed()
    {
        await using ClustronServer server = await ClustronServer.StartClusterAsync();
        ClustronClient client = await Connect(server);
        NumField n = IndexField.Num("n");
        await client.Indexes.CreateAsync("i", new IndexDefinition { Kind = IndexKind.Hash, Fields = [n] });
        await Task.WhenAll(Enumerable.Range(0, 300).Select(i => client.ExecuteAsync(Command.HashSet($"k{i}", "n", i % 10), RequestId.New())));
        Task kill = Task.Run(async () => (await server.LeaderAsync()).Kill());
        for (int round = 0; round < 4; ++round)
        {
            var seen = new List<string>();
            await foreach (RedisKey key in client.Indexes.Query("i").Where(n >= 3).OrderBy(n).PageSize(17).KeysAsync()) seen.Add(key!);
            Assert.Equal((210, 210), (seen.Count, seen.Distinct().Count()));
        }
        await kill;
        Assert.Equal(210, await client.Indexes.Query("i").Where(n >= 3).PurgeAsync());
        Assert.Equal(90, await client.Indexes.Query("i").CountAsync());
    }
}
